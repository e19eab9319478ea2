#include "errand/contract/result_check.h"

#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "errand/graphql/type/coerce.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::contract {
namespace {

namespace json = boost::json;
namespace type = graphql::type;

/// Deeper JSON is refused by its parser before; this bounds the stack whatever the parser allows.
constexpr int kDepthMax = 200;

std::string_view shape(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

class ResultCheck {
 public:
  explicit ResultCheck(const type::Schema& schema) : schema_(schema) {}

  Result<json::value> check(const json::value& value, const type::TypeRef& expected, int depth) {
    if (depth > kDepthMax) return wrong("is nested too deep");
    if (value.is_null()) {
      if (expected.is_non_null()) return wrong("must not be null: the type is " + expected.str());
      return json::value();
    }
    if (expected.is_list()) {
      const auto* items = value.if_array();
      if (items == nullptr) return wrong("must be a list, not " + std::string(shape(value)));
      const type::TypeRef item_type = expected.item();
      json::array result;
      result.reserve(items->size());
      for (std::size_t i = 0; i < items->size(); ++i) {
        const std::size_t length = path_.size();
        path_ += '[' + std::to_string(i) + ']';
        auto item = check((*items)[i], item_type, depth + 1);
        if (!item) return item;
        path_.resize(length);
        result.push_back(std::move(*item));
      }
      return result;
    }
    const type::NamedType& named = expected.named();
    if (!named.is_composite()) {
      auto leaf = type::parse_leaf_value(named, value);
      if (!leaf) return wrong("does not fit " + expected.str() + ": " + leaf.error());
      return std::move(*leaf);
    }
    const auto* members = value.if_object();
    if (members == nullptr) {
      return wrong("must be an object of type " + std::string(named.name) + ", not " +
                   std::string(shape(value)));
    }
    const auto object = concrete_type(named, *members);
    if (!object) return std::unexpected(object.error());
    return check_object(*members, **object, named.is_abstract(), depth);
  }

 private:
  Result<const type::ObjectType*> concrete_type(const type::NamedType& named,
                                                const json::object& members) {
    const json::value* given = members.if_contains("__typename");
    if (given == nullptr) {
      if (const auto* object = named.get_if<type::ObjectType>()) return object;
      return std::unexpected(
          wrong("must name its type in __typename: " + possible_names(named)).error());
    }
    const auto* name = given->if_string();
    const type::NamedType* found =
        name == nullptr ? nullptr : schema_.type({name->data(), name->size()});
    const auto* object = found == nullptr ? nullptr : found->get_if<type::ObjectType>();
    if (object == nullptr || !schema_.is_possible_type(named, *object)) {
      return std::unexpected(
          wrong("has a __typename that is not possible here; write " + possible_names(named))
              .error());
    }
    return object;
  }

  std::string possible_names(const type::NamedType& named) const {
    std::string names;
    for (const type::ObjectType* object : schema_.possible_types(named)) {
      names += (names.empty() ? "" : " or ") + std::string(object->name);
    }
    return names;
  }

  Result<json::value> check_object(const json::object& members, const type::ObjectType& object,
                                   bool with_name, int depth) {
    json::object result;
    if (with_name) {
      result.emplace("__typename", json::string_view(object.name.data(), object.name.size()));
    }
    for (const type::FieldDefinition& field : object.fields) {
      const json::string_view name(field.name.data(), field.name.size());
      const json::value* member = members.if_contains(name);
      const std::size_t length = path_.size();
      path_ += '.';
      path_ += field.name;
      if (member == nullptr) {
        if (field.type.is_non_null()) {
          return wrong("is missing: " + std::string(object.name) + "." + std::string(field.name) +
                       " is " + field.type.str());
        }
      } else {
        auto checked = check(*member, field.type, depth + 1);
        if (!checked) return checked;
        result.emplace(name, std::move(*checked));
      }
      path_.resize(length);
    }
    return result;
  }

  Result<json::value> wrong(const std::string& why) const {
    return fail(ErrorCode::kResultInvalid, path_ + ": " + why);
  }

  const type::Schema& schema_;
  std::string path_ = "result";
};

}  // namespace

Result<json::value> check_result_value(const type::Schema& schema, const type::TypeRef& type,
                                       const json::value& result) {
  return ResultCheck(schema).check(result, type, 0);
}

}  // namespace errand::contract
