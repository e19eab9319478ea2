#include "errand/app/config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "errand/app/settings_table.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::app {

namespace {

bool is_list(const Setting& setting) {
  return setting.kind == Setting::Kind::kTexts || setting.kind == Setting::Kind::kPaths;
}
bool is_path(const Setting& setting) {
  return setting.kind == Setting::Kind::kPath || setting.kind == Setting::Kind::kPaths;
}

const Setting* find_setting(std::string_view key) {
  const auto row = std::ranges::find(settings_table(), key, &Setting::key);
  return row == settings_table().end() ? nullptr : &*row;
}

std::string variable_name(std::string_view key) {
  std::string name = "ERRAND_";
  for (const char c : key) {
    name.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

/// Variables of the command-line client and of the place of the file; no settings of the server.
constexpr std::array<std::string_view, 3> kOtherVariables{"ERRAND_URL", "ERRAND_TOKEN",
                                                          "ERRAND_CONFIG"};

/// The nearest known name, as the end of an error text.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  const std::vector<std::string_view> options(known.begin(), known.end());
  const auto nearest = graphql::type::suggestion_list(name, options);
  return nearest.empty() ? "; `errand config show` lists all settings"
                         : fmt::format("; did you mean {}?", nearest.front());
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const auto& row : settings_table()) keys.emplace_back(row.key);
  return keys;
}

/// Applies settings one after the other and remembers where each came from.
class Loader {
 public:
  Loader() {
    for (const auto& row : settings_table()) origins_[row.key] = "default";
  }

  Result<void> set(const Setting& setting, std::vector<std::string> texts, std::string origin) {
    if (texts.empty() || (!is_list(setting) && texts.size() != 1)) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {} takes {}", origin, setting.key,
                              is_list(setting) ? "at least one value" : "one value"));
    }
    if (const auto done = setting.set(loaded_.config, texts); !done) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {}: {}", origin, setting.key, done.error().message));
    }
    origins_[setting.key] = std::move(origin);
    return {};
  }

  Result<void> set_as_table(const Setting& setting, const toml::table& table, std::string origin) {
    if (const auto done = setting.set_table(loaded_.config, table); !done) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {}.{}", origin, setting.key, done.error().message));
    }
    origins_[setting.key] = std::move(origin);
    return {};
  }

  Result<void> set_from_table(const toml::table& table, const std::string& prefix,
                              const std::string& file) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const std::string origin = fmt::format("{}:{}", file, name.source().begin.line);
      if (const auto* sub = node.as_table(); sub && !find_setting(key)) {
        if (const auto done = set_from_table(*sub, key + ".", file); !done) return done;
        continue;
      }
      const Setting* setting = find_setting(key);
      if (!setting) {
        return fail(ErrorCode::kConfigInvalid, fmt::format("{}: unknown key \"{}\"{}", origin, key,
                                                           did_you_mean(key, all_keys())));
      }
      if (const auto* sub = node.as_table(); sub && setting->set_table) {
        if (const auto done = set_as_table(*setting, *sub, origin); !done) return done;
        continue;
      }
      auto texts = read_node(*setting, node, origin);
      if (!texts) return std::unexpected(texts.error());
      if (is_path(*setting)) {
        const auto folder = std::filesystem::path(file).parent_path();
        for (auto& text : *texts) {
          if (!text.empty()) text = (folder / text).lexically_normal().string();
        }
      }
      if (const auto done = set(*setting, *std::move(texts), origin); !done) return done;
    }
    return {};
  }

  LoadedConfig finish() {
    for (const auto& row : settings_table()) {
      loaded_.effective.push_back(
          {std::string(row.key), row.get(loaded_.config), origins_[row.key]});
    }
    return std::move(loaded_);
  }

 private:
  static Result<std::vector<std::string>> read_node(const Setting& setting, const toml::node& node,
                                                    const std::string& origin) {
    const auto wrong_type = [&](std::string_view wanted) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("{}: {} takes {}", origin, setting.key, wanted));
    };
    switch (setting.kind) {
      case Setting::Kind::kNumber:
        if (const auto* value = node.as_integer())
          return std::vector{fmt::format("{}", value->get())};
        return wrong_type("a whole number, without quotes");
      case Setting::Kind::kBytes:
        if (const auto* value = node.as_integer())
          return std::vector{fmt::format("{}", value->get())};
        if (const auto* value = node.as_string()) return std::vector{value->get()};
        return wrong_type("a number of bytes or a text such as \"1MiB\"");
      case Setting::Kind::kTexts:
      case Setting::Kind::kPaths:
        if (const auto* array = node.as_array()) {
          std::vector<std::string> texts;
          for (const auto& item : *array) {
            const auto* text = item.as_string();
            if (!text) return wrong_type("a list of texts");
            texts.push_back(text->get());
          }
          return texts;
        }
        [[fallthrough]];
      default:
        if (const auto* value = node.as_string()) return std::vector{value->get()};
        return wrong_type(setting.kind == Setting::Kind::kDuration ? "a text such as \"30s\""
                                                                   : "a text in quotes");
    }
  }

  LoadedConfig loaded_;
  std::map<std::string_view, std::string> origins_;
};

Result<void> load_file(Loader& loader, const std::string& path) {
  try {
    return loader.set_from_table(toml::parse_file(path), "", path);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("{}:{}:{}: {}", path, error.source().begin.line,
                            error.source().begin.column, error.description()));
  }
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

}  // namespace

std::vector<SettingInfo> settings() {
  std::vector<SettingInfo> infos;
  for (const auto& row : settings_table()) {
    infos.push_back({row.key, row.flag, row.help, is_list(row)});
  }
  return infos;
}

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  Loader loader;

  std::optional<std::string> file = sources.file;
  if (const auto variable = sources.environment.find("ERRAND_CONFIG");
      !file && variable != sources.environment.end()) {
    file = variable->second;
  }
  std::error_code ignored;
  if (!file && std::filesystem::exists("errand.toml", ignored)) file = "errand.toml";
  if (file) {
    if (!std::filesystem::is_regular_file(*file, ignored)) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("{}: there is no such file", *file));
    }
    if (const auto done = load_file(loader, *file); !done) return std::unexpected(done.error());
  }

  std::vector<std::string> variables;
  for (const auto& row : settings_table()) variables.push_back(variable_name(row.key));
  for (const auto& [name, value] : sources.environment) {
    if (!name.starts_with("ERRAND_") ||
        std::ranges::find(kOtherVariables, name) != kOtherVariables.end()) {
      continue;
    }
    const auto row = std::ranges::find(variables, name);
    if (row == variables.end()) {
      return fail(ErrorCode::kConfigInvalid, fmt::format("unknown environment variable {}{}", name,
                                                         did_you_mean(name, variables)));
    }
    const Setting& setting = settings_table()[static_cast<std::size_t>(row - variables.begin())];
    auto texts = is_list(setting) ? split_list(value) : std::vector{value};
    if (const auto done = loader.set(setting, std::move(texts), name); !done) {
      return std::unexpected(done.error());
    }
  }

  for (const auto& [key, texts] : sources.flags) {
    const Setting* setting = find_setting(key);
    if (!setting) return fail(ErrorCode::kConfigInvalid, fmt::format("unknown setting {}", key));
    if (const auto done = loader.set(*setting, texts, std::string(setting->flag)); !done) {
      return std::unexpected(done.error());
    }
  }
  return loader.finish();
}

}  // namespace errand::app
