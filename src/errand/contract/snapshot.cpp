#include "errand/contract/snapshot.h"

#include <array>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "errand/json/canonical.h"

namespace errand::contract {
namespace {

namespace json = boost::json;
namespace type = graphql::type;

json::string_view text_of(std::string_view text) { return {text.data(), text.size()}; }

class SnapshotWriter {
 public:
  explicit SnapshotWriter(const type::Schema& schema) : schema_(schema) {}

  std::string write(const type::FieldDefinition& field, const type::TypeRef& result) {
    json::object snapshot;
    snapshot.emplace("type", text_of(field.name));
    snapshot.emplace("arguments", input_values(field.arguments));
    snapshot.emplace("result", reference(result));
    while (!waiting_.empty()) {
      const type::NamedType* named = waiting_.back();
      waiting_.pop_back();
      json::object described = describe(*named);
      types_.insert_or_assign(text_of(named->name), std::move(described));
    }
    snapshot.emplace("types", std::move(types_));
    return errand::json::canonical_text(snapshot);
  }

 private:
  /// The type as text; its named type is described later.
  json::value reference(const type::TypeRef& type) {
    const type::NamedType& named = type.named();
    if (!named.built_in && !types_.contains(text_of(named.name))) {
      types_.emplace(text_of(named.name), nullptr);
      waiting_.push_back(&named);
    }
    return json::value(text_of(type.str()));
  }

  json::object input_values(std::span<const type::InputValueDefinition> values) {
    json::object result;
    for (const type::InputValueDefinition& value : values) {
      json::object described{{"type", reference(value.type)}};
      if (value.default_value) described.emplace("default", *value.default_value);
      result.emplace(text_of(value.name), std::move(described));
    }
    return result;
  }

  json::object output_fields(const type::FieldsType& type) {
    json::object result;
    for (const type::FieldDefinition& field : type.fields) {
      result.emplace(text_of(field.name), reference(field.type));
    }
    return result;
  }

  json::object describe(const type::NamedType& named) {
    json::object result{{"kind", text_of(to_string(named.kind()))}};
    if (const auto* with_fields = named.get_if<type::FieldsType>()) {
      result.emplace("fields", output_fields(*with_fields));
    } else if (const auto* input = named.get_if<type::InputObjectType>()) {
      result.emplace("fields", input_values(input->fields));
      if (input->is_one_of) result.emplace("oneOf", true);
    } else if (const auto* enum_type = named.get_if<type::EnumType>()) {
      json::object values;  // an object, so that their order does not count
      for (const type::EnumValueDefinition& value : enum_type->values) {
        values.emplace(text_of(value.name), true);
      }
      result.emplace("values", std::move(values));
    }
    if (named.is_abstract()) {
      json::object possible;
      for (const type::ObjectType* object : schema_.possible_types(named)) {
        reference(type::TypeRef(*object));
        possible.emplace(text_of(object->name), true);
      }
      result.emplace("possibleTypes", std::move(possible));
    }
    return result;
  }

  const type::Schema& schema_;
  std::vector<const type::NamedType*> waiting_;
  json::object types_;
};

}  // namespace

std::string contract_snapshot(const type::Schema& schema, const type::FieldDefinition& field,
                              const type::TypeRef& result) {
  return SnapshotWriter(schema).write(field, result);
}

std::string contract_hash(std::string_view snapshot) {
  __extension__ using Word = unsigned __int128;
  constexpr auto word = [](std::uint64_t high, std::uint64_t low) {
    return static_cast<Word>(high) << 64U | low;
  };
  constexpr Word kPrime = word(0x0000000001000000, 0x000000000000013B);
  Word hash = word(0x6c62272e07bb0142, 0x62b821756295c58d);
  for (const char c : snapshot) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  std::string text(32, '0');
  for (std::size_t i = text.size(); i-- > 0; hash >>= 4U) {
    text[i] = "0123456789abcdef"[static_cast<unsigned>(hash) & 0xFU];
  }
  return text;
}

}  // namespace errand::contract
