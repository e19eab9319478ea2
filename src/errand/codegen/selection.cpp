#include "errand/codegen/selection.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace errand::codegen {

namespace {

namespace type = graphql::type;

// A document of this size is of no use to anyone, and trees that refer to themselves get there
// soon.
constexpr std::size_t kFieldsMax = 2'000;

class Selector {
 public:
  explicit Selector(const type::Schema& schema) : schema_(schema) {}

  Selection select(const type::NamedType& of, std::size_t depth) {
    Selection selection{.type = &of};
    // What a name in the response stands for, as objects of one place must agree on its shape
    // (specification, 5.3.2).
    std::map<std::string, type::TypeRef> shapes;
    std::set<std::string_view> names;
    for (const auto* object : schema_.possible_types(of)) {
      for (const auto& field : object->fields) names.insert(field.name);
    }
    for (const auto* object : schema_.possible_types(of)) {
      SelectedObject selected{.object = object};
      for (const auto& field : object->fields) {
        if (std::ranges::any_of(field.arguments, [](const auto& a) { return a.is_required(); })) {
          selection.complete = false;
          continue;
        }
        const bool is_leaf = field.type.named().is_leaf();
        if ((!is_leaf && depth <= 1) || ++fields_ > kFieldsMax) {
          selection.complete = false;
          continue;
        }
        SelectedField chosen{.field = &field, .alias = std::string(field.name)};
        const auto [shape, is_new] = shapes.emplace(chosen.alias, field.type);
        if (!is_new && shape->second != field.type) {
          chosen.alias = fmt::format("{}_{}", object->name, field.name);
          while (names.contains(chosen.alias) || !shapes.emplace(chosen.alias, field.type).second)
            chosen.alias += '_';
          selection.complete = false;
        }
        if (!is_leaf) {
          chosen.selection.push_back(select(field.type.named(), depth - 1));
          if (!chosen.selection.front().complete) selection.complete = false;
        }
        selected.fields.push_back(std::move(chosen));
      }
      selection.objects.push_back(std::move(selected));
    }
    return selection;
  }

  [[nodiscard]] bool overflowed() const { return fields_ > kFieldsMax; }

 private:
  const type::Schema& schema_;
  std::size_t fields_ = 0;
};

/// `end` comes after each part: a blank, or the end of a line with the next one's indentation.
class Printer {
 public:
  explicit Printer(bool lines) : lines_(lines) {}

  void selection(const Selection& selection, std::size_t indent) {
    out_ += '{';
    const bool is_abstract = selection.type->is_abstract();
    if (is_abstract || selection.objects.empty() || selection.objects.front().fields.empty())
      part("__typename", indent + 2);
    for (const auto& object : selection.objects) {
      if (!is_abstract) {
        fields(object, indent + 2);
      } else if (!object.fields.empty()) {
        part(fmt::format("... on {} {{", object.object->name), indent + 2);
        fields(object, indent + 4);
        part("}", indent + 2);
      }
    }
    part("}", indent);
  }

  std::string take() { return std::move(out_); }

 private:
  void fields(const SelectedObject& object, std::size_t indent) {
    for (const auto& field : object.fields) {
      part(field.aliased() ? fmt::format("{}: {}", field.alias, field.field->name) : field.alias,
           indent);
      if (field.selection.empty()) continue;
      out_ += ' ';
      selection(field.selection.front(), indent);
    }
  }

  void part(std::string_view text, std::size_t indent) {
    if (lines_) {
      out_ += '\n';
      out_.append(indent, ' ');
    } else {
      out_ += ' ';
    }
    out_ += text;
  }

  bool lines_;
  std::string out_;
};

std::string printed(const Selection& selection, bool lines, std::size_t indent) {
  Printer printer(lines);
  printer.selection(selection, indent);
  return printer.take();
}

}  // namespace

Result<std::optional<Selection>> select_all(const type::Schema& schema, const type::NamedType& of,
                                            std::size_t depth) {
  if (!of.is_composite()) return std::nullopt;
  Selector selector(schema);
  auto selection = selector.select(of, depth);
  if (selector.overflowed()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the result {} has more than {} fields to a depth of {}; take less "
                            "with --depth",
                            of.name, kFieldsMax, depth));
  }
  return selection;
}

std::string to_text(const Selection& selection) { return printed(selection, false, 0); }

std::string to_lines(const Selection& selection, std::size_t indent) {
  return printed(selection, true, indent);
}

}  // namespace errand::codegen
