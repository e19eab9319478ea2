#include "errand/contract/compare_contracts.h"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/json/canonical.h"
#include "errand/json/parse.h"

namespace errand::contract {
namespace {

namespace json = boost::json;

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view_of(json::string_view text) { return {text.data(), text.size()}; }
json::string_view text_of(std::string_view text) { return {text.data(), text.size()}; }

// ---- Types as texts: "[Int!]!" ----

bool is_non_null(std::string_view type) { return type.ends_with('!'); }
bool is_list(std::string_view type) { return type.starts_with('[') && type.ends_with(']'); }
std::string_view nullable(std::string_view type) {
  return is_non_null(type) ? type.substr(0, type.size() - 1) : type;
}
std::string_view item(std::string_view type) { return type.substr(1, type.size() - 2); }
std::string_view named(std::string_view type) {
  while (is_non_null(type) || is_list(type)) type = is_non_null(type) ? nullable(type) : item(type);
  return type;
}

/// Whether whatever was given for `old_type` may be given for `new_type`.
bool input_still_fits(std::string_view old_type, std::string_view new_type) {
  if (is_non_null(old_type)) return input_still_fits(nullable(old_type), nullable(new_type));
  if (is_non_null(new_type)) return false;
  if (is_list(old_type)) {
    return is_list(new_type) && input_still_fits(item(old_type), item(new_type));
  }
  return old_type == new_type;
}

/// Whether whoever reads `old_type` can read `new_type`.
bool output_still_fits(std::string_view old_type, std::string_view new_type) {
  if (is_non_null(old_type)) {
    return is_non_null(new_type) && output_still_fits(nullable(old_type), nullable(new_type));
  }
  new_type = nullable(new_type);
  if (is_list(old_type)) {
    return is_list(new_type) && output_still_fits(item(old_type), item(new_type));
  }
  return old_type == new_type;
}

const json::object* object_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(text_of(name));
  return value == nullptr ? nullptr : value->if_object();
}

std::string_view string_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(text_of(name));
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : view_of(*text);
}

const json::object& members(const json::object& object, std::string_view name) {
  static const json::object kNone;
  const json::object* found = object_at(object, name);
  return found == nullptr ? kNone : *found;
}

class SnapshotComparison {
 public:
  SnapshotComparison(const JobTypeName& type, const json::object& old_snapshot,
                     const json::object& new_snapshot)
      : type_(type), old_(old_snapshot), new_(new_snapshot) {}

  std::vector<ContractChange> run() {
    input_values(
        members(old_, "arguments"), members(new_, "arguments"),
        [&](std::string_view name) { return type_.str() + "(" + std::string(name) + ":)"; },
        "argument");
    output_type(string_at(old_, "result"), string_at(new_, "result"), type_.str(), "The result");
    return std::move(changes_);
  }

 private:
  using enum ChangeSeverity;

  void add(ChangeSeverity severity, std::string coordinate, std::string message) {
    changes_.push_back({severity, type_, std::move(coordinate), std::move(message)});
  }

  template <class Coordinate>
  void input_values(const json::object& old_values, const json::object& new_values,
                    const Coordinate& coordinate_of, std::string_view what) {
    for (const auto& [key, value] : old_values) {
      const std::string_view name = view_of(key);
      const std::string coordinate = coordinate_of(name);
      const json::object* new_value = object_at(new_values, name);
      const json::object* old_value = value.if_object();
      if (old_value == nullptr) continue;
      if (new_value == nullptr) {
        add(kBreaking, coordinate, "The " + std::string(what) + " was removed.");
        continue;
      }
      const std::string_view old_type = string_at(*old_value, "type");
      const std::string_view new_type = string_at(*new_value, "type");
      if (old_type != new_type) {
        add(input_still_fits(old_type, new_type) ? kSafe : kBreaking, coordinate,
            "The type changed from " + std::string(old_type) + " to " + std::string(new_type) +
                ".");
      }
      const json::value* old_default = old_value->if_contains("default");
      const json::value* new_default = new_value->if_contains("default");
      if (new_default == nullptr && old_default != nullptr) {
        add(is_non_null(new_type) ? kBreaking : kDangerous, coordinate,
            "The default value was removed.");
      } else if (new_default != nullptr &&
                 (old_default == nullptr || *old_default != *new_default)) {
        add(kDangerous, coordinate, "The default value changed.");
      }
      input_type(named(old_type), named(new_type));
    }
    for (const auto& [key, value] : new_values) {
      const std::string_view name = view_of(key);
      const json::object* added = value.if_object();
      if (added == nullptr || old_values.contains(key)) continue;
      const bool required = is_non_null(string_at(*added, "type")) && !added->contains("default");
      add(required ? kBreaking : kSafe, coordinate_of(name),
          (required ? "A required " : "An optional ") + std::string(what) + " was added.");
    }
  }

  void input_type(std::string_view old_name, std::string_view new_name) {
    if (old_name != new_name || !visited_inputs_.insert(std::string(old_name)).second) return;
    const json::object* old_type = object_at(members(old_, "types"), old_name);
    const json::object* new_type = object_at(members(new_, "types"), new_name);
    if (old_type == nullptr || new_type == nullptr || !same_kind(*old_type, *new_type, old_name)) {
      return;
    }
    if (const json::object* values = object_at(*old_type, "values")) {
      return enum_values(*values, members(*new_type, "values"), old_name, kSafe);
    }
    const bool old_one_of = old_type->contains("oneOf");
    if (old_one_of != new_type->contains("oneOf")) {
      add(old_one_of ? kSafe : kBreaking, std::string(old_name),
          old_one_of ? "@oneOf was removed." : "@oneOf was added.");
    }
    input_values(
        members(*old_type, "fields"), members(*new_type, "fields"),
        [&](std::string_view name) { return std::string(old_name) + "." + std::string(name); },
        "input field");
  }

  void output_type(std::string_view old_type, std::string_view new_type,
                   const std::string& coordinate, const std::string& what) {
    if (old_type != new_type) {
      // More non-null suits clients, but stored results may hold null there.
      const bool fits = output_still_fits(old_type, new_type);
      add(fits ? kDangerous : kBreaking, coordinate,
          what + "'s type changed from " + std::string(old_type) + " to " + std::string(new_type) +
              "." + (fits ? " Stored results may hold null there." : ""));
    }
    output_named(named(old_type), named(new_type));
  }

  void output_named(std::string_view old_name, std::string_view new_name) {
    if (old_name != new_name || !visited_outputs_.insert(std::string(old_name)).second) return;
    const json::object* old_type = object_at(members(old_, "types"), old_name);
    const json::object* new_type = object_at(members(new_, "types"), new_name);
    if (old_type == nullptr || new_type == nullptr || !same_kind(*old_type, *new_type, old_name)) {
      return;
    }
    if (const json::object* values = object_at(*old_type, "values")) {
      enum_values(*values, members(*new_type, "values"), old_name, kDangerous);
    }
    const json::object& new_fields = members(*new_type, "fields");
    for (const auto& [key, value] : members(*old_type, "fields")) {
      const std::string coordinate = std::string(old_name) + "." + std::string(view_of(key));
      if (!new_fields.contains(key)) {
        add(kBreaking, coordinate, "The field was removed.");
      } else if (value.is_string()) {
        output_type(view_of(value.get_string()), string_at(new_fields, view_of(key)), coordinate,
                    "The field");
      }
    }
    for (const auto& [key, value] : new_fields) {
      if (members(*old_type, "fields").contains(key)) continue;
      const bool required = value.is_string() && is_non_null(view_of(value.get_string()));
      add(required ? kDangerous : kSafe, std::string(old_name) + "." + std::string(view_of(key)),
          required ? "A non-null field was added; stored results and older workers lack it."
                   : "A field was added.");
    }
    const json::object& new_possible = members(*new_type, "possibleTypes");
    for (const auto& [key, value] : members(*old_type, "possibleTypes")) {
      if (!new_possible.contains(key)) {
        add(kBreaking, std::string(old_name),
            std::string(view_of(key)) + " is no longer a possible type.");
      }
      output_named(view_of(key), view_of(key));
    }
    for (const auto& [key, value] : new_possible) {
      if (members(*old_type, "possibleTypes").contains(key)) continue;
      add(kDangerous, std::string(old_name),
          std::string(view_of(key)) + " became a possible type.");
    }
  }

  bool same_kind(const json::object& old_type, const json::object& new_type,
                 std::string_view name) {
    const std::string_view old_kind = string_at(old_type, "kind");
    const std::string_view new_kind = string_at(new_type, "kind");
    if (old_kind == new_kind) return true;
    add(kBreaking, std::string(name),
        "The type's kind changed from " + std::string(old_kind) + " to " + std::string(new_kind) +
            ".");
    return false;
  }

  void enum_values(const json::object& old_values, const json::object& new_values,
                   std::string_view name, ChangeSeverity added) {
    for (const auto& [key, value] : old_values) {
      if (new_values.contains(key)) continue;
      add_once(kBreaking, std::string(name) + "." + std::string(view_of(key)),
               "The enum value was removed.");
    }
    for (const auto& [key, value] : new_values) {
      if (old_values.contains(key)) continue;
      add_once(added, std::string(name) + "." + std::string(view_of(key)),
               "An enum value was added.");
    }
  }

  /// An enum may serve for input and output; the more severe way counts.
  void add_once(ChangeSeverity severity, const std::string& coordinate, std::string message) {
    const auto same = std::ranges::find(changes_, coordinate, &ContractChange::coordinate);
    if (same == changes_.end()) {
      add(severity, coordinate, std::move(message));
    } else {
      same->severity = std::min(same->severity, severity);
    }
  }

  const JobTypeName& type_;
  const json::object& old_;
  const json::object& new_;
  std::set<std::string> visited_inputs_;
  std::set<std::string> visited_outputs_;
  std::vector<ContractChange> changes_;
};

void sort_by_severity(std::vector<ContractChange>& changes) {
  std::ranges::sort(changes, [](const ContractChange& a, const ContractChange& b) {
    return std::tie(a.severity, a.type, a.coordinate, a.message) <
           std::tie(b.severity, b.type, b.coordinate, b.message);
  });
}

Result<json::object> parse_snapshot(std::string_view text) {
  auto parsed = errand::json::parse(text, {.bytes_max = 16 << 20, .depth_max = 64});
  if (!parsed || !parsed->is_object() || !parsed->get_object().contains("arguments") ||
      !parsed->get_object().contains("result")) {
    return fail(ErrorCode::kSchemaInvalid, "this is no snapshot of a job type's contract");
  }
  return std::move(parsed->get_object());
}

void compare_settings(const JobType& old_type, const JobType& new_type,
                      std::vector<ContractChange>& changes) {
  const auto add = [&](ChangeSeverity severity, std::string message) {
    changes.push_back({severity, new_type.name, new_type.name.str(), std::move(message)});
  };
  if (old_type.object_name != new_type.object_name) {
    add(ChangeSeverity::kBreaking, "The job's object type was renamed from " +
                                       old_type.object_name + " to " + new_type.object_name + ".");
  }
  if (old_type.queue != new_type.queue) {
    add(ChangeSeverity::kDangerous, "The queue changed from " + old_type.queue.str() + " to " +
                                        new_type.queue.str() +
                                        "; jobs that are there stay in the old one.");
  }
  if (old_type.idempotency != new_type.idempotency) {
    const bool required = new_type.idempotency == Idempotency::kRequired;
    add(required ? ChangeSeverity::kBreaking : ChangeSeverity::kSafe,
        required ? "An idempotency key is now required."
                 : "An idempotency key is no longer required.");
  }
  for (const std::string& scope : new_type.scopes) {
    if (std::ranges::find(old_type.scopes, scope) == old_type.scopes.end()) {
      add(ChangeSeverity::kBreaking, "The scope " + scope + " is now required.");
    }
  }
  for (const std::string& scope : old_type.scopes) {
    if (std::ranges::find(new_type.scopes, scope) == new_type.scopes.end()) {
      add(ChangeSeverity::kSafe, "The scope " + scope + " is no longer required.");
    }
  }
}

}  // namespace

std::string_view to_string(ChangeSeverity severity) noexcept {
  switch (severity) {
    case ChangeSeverity::kBreaking:
      return "BREAKING";
    case ChangeSeverity::kDangerous:
      return "DANGEROUS";
    case ChangeSeverity::kSafe:
      return "SAFE";
  }
  return "SAFE";
}

Result<std::vector<ContractChange>> compare_snapshots(const JobTypeName& type,
                                                      std::string_view old_snapshot,
                                                      std::string_view new_snapshot) {
  if (old_snapshot == new_snapshot) return std::vector<ContractChange>{};
  const auto old_object = parse_snapshot(old_snapshot);
  if (!old_object) return std::unexpected(old_object.error());
  const auto new_object = parse_snapshot(new_snapshot);
  if (!new_object) return std::unexpected(new_object.error());
  auto changes = SnapshotComparison(type, *old_object, *new_object).run();
  sort_by_severity(changes);
  return changes;
}

std::vector<ContractChange> compare_contracts(const Contract& old_contract,
                                              const Contract& new_contract) {
  std::vector<ContractChange> changes;
  for (const JobType& old_type : old_contract.job_types()) {
    const JobType* new_type = new_contract.job_type(old_type.name.view());
    if (new_type == nullptr) {
      changes.push_back({ChangeSeverity::kBreaking, old_type.name, old_type.name.str(),
                         "The job type was removed."});
      continue;
    }
    compare_settings(old_type, *new_type, changes);
    auto shape =
        compare_snapshots(old_type.name, old_type.contract_snapshot, new_type->contract_snapshot);
    ERRAND_ASSERT(shape.has_value());
    changes.insert(changes.end(), shape->begin(), shape->end());
  }
  for (const JobType& new_type : new_contract.job_types()) {
    if (old_contract.job_type(new_type.name.view()) != nullptr) continue;
    changes.push_back(
        {ChangeSeverity::kSafe, new_type.name, new_type.name.str(), "The job type was added."});
  }
  sort_by_severity(changes);
  return changes;
}

bool is_breaking(std::span<const ContractChange> changes) noexcept {
  return std::ranges::any_of(changes, [](const ContractChange& change) {
    return change.severity == ChangeSeverity::kBreaking;
  });
}

}  // namespace errand::contract
