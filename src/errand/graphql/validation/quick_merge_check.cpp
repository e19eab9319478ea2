#include "errand/graphql/validation/quick_merge_check.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "errand/graphql/validation/types_conflict.h"

namespace errand::graphql::validation {
namespace {

using language::Field;
using language::FragmentDefinition;
using language::SelectionSet;
using type::NamedType;

constexpr std::uint32_t kEnd = 0xFFFFFFFF;
/// Looks at fields and comparisons that each token of the document pays for.
constexpr std::size_t kWorkPerToken = 16;
/// Levels of fields, and of fragments within fragments; bounds the stack.
constexpr int kDepthMax = 500;
/// Up to here fields are grouped by search, above it by hash.
constexpr std::size_t kSearchMax = 12;
/// More arguments than this are left to the rule itself.
constexpr std::size_t kArgumentsMax = 16;

const NamedType* object_or_null(const NamedType* type) {
  return type != nullptr && type->is<type::ObjectType>() ? type : nullptr;
}

}  // namespace

QuickMergeCheck::QuickMergeCheck(const ValidationContext& context)
    : context_(context), work_left_(kWorkPerToken * context.document().token_count()) {}

bool QuickMergeCheck::can_merge(const NamedType* parent_type, const SelectionSet& set) {
  sets_.assign(1, {&set, parent_type});
  entries_.clear();
  fragments_.clear();
  depth_ = 0;
  return check(Mode::kAll, 0);
}

bool QuickMergeCheck::spend(std::size_t cost) {
  if (cost > work_left_) return false;
  work_left_ -= cost;
  return true;
}

const type::FieldDefinition* QuickMergeCheck::definition(const Entry& entry) const {
  if (entry.parent_type == nullptr) return nullptr;
  const auto* fields = entry.parent_type->get_if<type::FieldsType>();
  return fields == nullptr ? nullptr : fields->field(entry.node->name.value);
}

/// Merges the sets from `first_set` on, and takes them and all it puts there off the stacks.
bool QuickMergeCheck::check(Mode mode, std::size_t first_set) {
  if (depth_ >= kDepthMax) return false;
  ++depth_;
  const std::size_t first_entry = entries_.size();
  const std::size_t first_fragment = fragments_.size();
  for (std::size_t i = first_set; i < sets_.size(); ++i) {
    if (!collect(sets_[i], first_fragment, false)) return false;
  }
  sets_.resize(first_set);
  fragments_.resize(first_fragment);
  if (!group(first_entry)) return false;
  // Deeper levels put their entries behind these and take them off again.
  const std::size_t end = entries_.size();
  for (std::size_t i = first_entry; i < end; ++i) {
    if (entries_[i].heads_group && !check_group(mode, i)) return false;
  }
  entries_.resize(first_entry);
  --depth_;
  return true;
}

bool QuickMergeCheck::collect(const TypedSet& typed, std::size_t first_fragment,
                              bool from_fragment) {
  for (const language::Selection* selection : typed.set->selections) {
    if (!spend(1)) return false;
    if (const auto* field = selection->get_if<Field>()) {
      entries_.push_back(
          {field, typed.parent_type, field->response_name(), kEnd, true, from_fragment});
    } else if (const auto* spread = selection->get_if<language::FragmentSpread>()) {
      const FragmentDefinition* fragment = context_.fragment(spread->name.value);
      if (fragment == nullptr) continue;
      const auto begin = fragments_.begin() + static_cast<std::ptrdiff_t>(first_fragment);
      if (!spend(static_cast<std::size_t>(fragments_.end() - begin))) return false;
      if (std::find(begin, fragments_.end(), fragment) != fragments_.end()) continue;
      fragments_.push_back(fragment);
      if (depth_ >= kDepthMax) return false;
      ++depth_;
      if (!collect({fragment->selection_set,
                    context_.schema().type(fragment->type_condition->name.value)},
                   first_fragment, true)) {
        return false;
      }
      --depth_;
    } else {
      const auto& fragment = selection->as<language::InlineFragment>();
      const NamedType* type = fragment.type_condition == nullptr
                                  ? typed.parent_type
                                  : context_.schema().type(fragment.type_condition->name.value);
      if (!collect({fragment.selection_set, type}, first_fragment, from_fragment)) return false;
    }
  }
  return true;
}

/// Chains the entries from `first_entry` on by response name.
bool QuickMergeCheck::group(std::size_t first_entry) {
  const std::size_t count = entries_.size() - first_entry;
  const auto append = [this](std::size_t last, std::size_t entry) {
    entries_[last].next = static_cast<std::uint32_t>(entry);
    entries_[entry].heads_group = false;
  };
  if (count <= kSearchMax) {
    for (std::size_t i = first_entry + 1; i < entries_.size(); ++i) {
      // The latest of the name, hence the end of its chain.
      for (std::size_t j = i; j-- > first_entry;) {
        if (entries_[j].response_name != entries_[i].response_name) continue;
        append(j, i);
        break;
      }
    }
    return true;
  }
  if (!spend(count)) return false;
  // Open addressing; a slot holds the latest entry of its name.
  slots_.assign(std::bit_ceil(2 * count), kEnd);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = first_entry; i < entries_.size(); ++i) {
    std::size_t slot = std::hash<std::string_view>()(entries_[i].response_name) & mask;
    while (slots_[slot] != kEnd &&
           entries_[slots_[slot]].response_name != entries_[i].response_name) {
      slot = (slot + 1) & mask;
    }
    if (slots_[slot] != kEnd) append(slots_[slot], i);
    slots_[slot] = static_cast<std::uint32_t>(i);
  }
  return true;
}

bool QuickMergeCheck::check_group(Mode mode, std::size_t head) {
  if (entries_[head].next == kEnd) {
    const Entry entry = entries_[head];
    const SelectionSet* set = entry.node->selection_set;
    if (set == nullptr) return true;
    // A set that many reach through fragments is looked at once.
    const bool shared = entry.from_fragment && mode == Mode::kAll;
    if (shared && passed_.contains(set)) return true;
    if (!check_below(mode, head, nullptr)) return false;
    if (shared) passed_.insert(set);
    return true;
  }

  if (!check_types(head)) return false;
  if (mode == Mode::kShape) return check_below(Mode::kShape, head, nullptr);

  // Fields of two object types never meet; those of interfaces and unions meet all others.
  const NamedType* object_type = nullptr;
  bool several = false;
  for (std::size_t i = head; i != kEnd; i = entries_[i].next) {
    const NamedType* own = object_or_null(entries_[i].parent_type);
    if (own == nullptr) continue;
    if (object_type != nullptr && own != object_type) several = true;
    object_type = own;
  }
  if (!several) return check_fields(head, nullptr) && check_below(Mode::kAll, head, nullptr);

  if (!check_below(Mode::kShape, head, nullptr)) return false;
  std::vector<const NamedType*> checked;
  for (std::size_t i = head; i != kEnd; i = entries_[i].next) {
    const NamedType* own = object_or_null(entries_[i].parent_type);
    if (!spend(1 + checked.size())) return false;
    if (own == nullptr || std::ranges::find(checked, own) != checked.end()) continue;
    checked.push_back(own);
    if (!check_fields(head, own) || !check_below(Mode::kAll, head, own)) return false;
  }
  return true;
}

/// The types of a group have one shape, as far as they are known, and no field of it is streamed.
bool QuickMergeCheck::check_types(std::size_t head) {
  const type::FieldDefinition* first = nullptr;
  for (std::size_t i = head; i != kEnd; i = entries_[i].next) {
    if (!spend(1)) return false;
    if (std::ranges::any_of(entries_[i].node->directives, [](const language::Directive* directive) {
          return directive->name.value == "stream";
        })) {
      return false;
    }
    const type::FieldDefinition* own = definition(entries_[i]);
    if (own == nullptr) continue;
    if (first != nullptr && types_conflict(first->type, own->type)) return false;
    first = own;
  }
  return true;
}

/// Whether the entry counts among those that an object of `object_type` may have; nullptr: any.
bool QuickMergeCheck::belongs(const Entry& entry, const NamedType* object_type) const {
  if (object_type == nullptr) return true;
  const NamedType* own = object_or_null(entry.parent_type);
  return own == nullptr || own == object_type;
}

/// The group's entries that belong to `object_type` are one field with one list of arguments.
bool QuickMergeCheck::check_fields(std::size_t head, const NamedType* object_type) {
  const Field* first = nullptr;
  for (std::size_t i = head; i != kEnd; i = entries_[i].next) {
    if (!spend(1)) return false;
    if (!belongs(entries_[i], object_type)) continue;
    const Field& own = *entries_[i].node;
    if (first == nullptr) {
      first = &own;
    } else if (own.name.value != first->name.value || !same_arguments(own, *first)) {
      return false;
    }
  }
  return true;
}

/// Merges the selection sets of the group's entries that belong to `object_type`.
bool QuickMergeCheck::check_below(Mode mode, std::size_t head, const NamedType* object_type) {
  const std::size_t first_set = sets_.size();
  for (std::size_t i = head; i != kEnd; i = entries_[i].next) {
    if (!spend(1)) return false;
    const Entry& entry = entries_[i];
    if (entry.node->selection_set == nullptr || !belongs(entry, object_type)) continue;
    const type::FieldDefinition* field = definition(entry);
    sets_.push_back({entry.node->selection_set, field == nullptr ? nullptr : &field->type.named()});
  }
  return sets_.size() == first_set || check(mode, first_set);
}

/// Whether the arguments are the same text, and so the same. Where they are not, or where a name is
/// given twice, it takes the rule's longer look.
bool QuickMergeCheck::same_arguments(const Field& a, const Field& b) const {
  if (a.arguments.size() != b.arguments.size()) return false;
  if (a.arguments.empty()) return true;
  if (a.arguments.size() > kArgumentsMax) return false;
  const auto text = [this](const Field& field) {
    const std::size_t begin = field.arguments.front()->start;
    const std::size_t end = field.arguments.back()->end;
    return std::string_view(context_.document().source().body).substr(begin, end - begin);
  };
  if (text(a).empty() || text(a) != text(b)) return false;
  for (std::size_t i = 1; i < a.arguments.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (a.arguments[i]->name.value == a.arguments[j]->name.value) return false;
    }
  }
  return true;
}

}  // namespace errand::graphql::validation
