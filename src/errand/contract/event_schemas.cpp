#include "errand/contract/event_schemas.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <boost/json/array.hpp>

#include "errand/base/assert.h"
#include "errand/contract/cloud_event.h"
#include "errand/contract/event_samples.h"
#include "errand/job/status.h"
#include "errand/json/indented.h"
#include "errand/json/parse.h"

namespace errand::contract {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr std::string_view kDraft = "https://json-schema.org/draft/2020-12/schema";
constexpr std::string_view kAbsence = "left out";

/// Names that schemas refer to, in the order of the alphabet.
using References = std::set<std::string, std::less<>>;

template <class Enum>
array names_of(std::size_t count) {
  array names;
  for (std::size_t i = 0; i < count; ++i) names.emplace_back(to_string(static_cast<Enum>(i)));
  return names;
}

/// The values of an enumeration of the status schema; empty for a name that is none.
array enum_values(std::string_view name) {
  if (name == "JobStatus") return names_of<job::JobStatus>(job::kJobStatusCount);
  if (name == "JobFailureKind") return names_of<job::FailureKind>(3);
  if (name == "JobCancelReason") return names_of<job::CancelReason>(2);
  if (name == "JobExpiryReason") return names_of<job::ExpiryReason>(2);
  if (name == "ActorKind") return names_of<job::ActorKind>(4);
  return {};
}

const EventPart* find_part(std::string_view name) {
  const auto parts = event_parts();
  const auto found = std::ranges::find(parts, name, &EventPart::name);
  return found == parts.end() ? nullptr : &*found;
}

/// Makes schemas of fields. What they refer to is collected, to be defined by the caller.
class SchemaMaker {
 public:
  /// @param prefix  of references: "#/$defs/"
  explicit SchemaMaker(std::string_view prefix) : prefix_(prefix) {}

  /// An object with `fields`.
  object object_of(std::span<const EventField* const> fields) {
    object properties;
    array required;
    for (const EventField* field : fields) {
      properties.emplace(field->name, schema_of(*field));
      if (field->type.ends_with('!')) required.emplace_back(field->name);
    }
    object schema{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) schema.emplace("required", std::move(required));
    return schema;
  }

  /// Schemas of all that was referred to, and of what these refer to.
  object definitions() {
    object result;
    for (References done; done != references_;) {
      for (const std::string& name : References(references_)) {
        if (done.insert(name).second) result.emplace(name, definition(name));
      }
    }
    return result;
  }

 private:
  object schema_of(const EventField& field) {
    object schema = schema_of(field.type, field.shape);
    schema.emplace("description", describe(field, kAbsence));
    return schema;
  }

  object schema_of(std::string_view type, std::string_view shape) {
    if (type.ends_with('!')) type.remove_suffix(1);
    if (type.starts_with('[')) {
      type.remove_prefix(1);
      type.remove_suffix(1);
      return {{"type", "array"}, {"items", schema_of(type, shape)}};
    }
    if (!shape.empty()) type = shape;
    if (type == "String" || type == "ID") return {{"type", "string"}};
    if (type == "Int") return {{"type", "integer"}};
    if (type == "Float") return {{"type", "number"}};
    if (type == "Boolean") return {{"type", "boolean"}};
    if (type == "DateTime") return {{"type", "string"}, {"format", "date-time"}};
    if (type == "Labels") {
      return {{"type", "object"}, {"additionalProperties", object{{"type", "string"}}}};
    }
    if (type == "JSON") return {};
    references_.emplace(type);
    return {{"$ref", prefix_ + std::string(type)}};
  }

  object definition(std::string_view name) {
    if (array values = enum_values(name); !values.empty()) {
      return {{"type", "string"}, {"enum", std::move(values)}};
    }
    const EventPart* part = find_part(name);
    ERRAND_ASSERT(part != nullptr);
    std::vector<const EventField*> fields;
    for (const EventField& field : part->fields) fields.push_back(&field);
    object schema{{"description", part->description}};
    for (auto& member : object_of(fields)) schema.insert(std::move(member));
    return schema;
  }

  std::string prefix_;
  References references_;
};

std::string type_name(const EventType& type) { return "dev.errand.job." + std::string(type.event); }

/// What the data of `type` hold in `version`.
std::vector<const EventField*> data_fields(const EventType& type, int version) {
  std::vector<const EventField*> fields;
  const auto add = [&](const EventField& field) {
    const bool there = field.since <= version && (field.until == 0 || version <= field.until);
    // One that stands in the data of every event is not there a second time.
    const auto same = [&](const EventField* other) { return other->name == field.name; };
    if (there && std::ranges::none_of(fields, same)) fields.push_back(&field);
  };
  std::ranges::for_each(event_data_fields(), add);
  std::ranges::for_each(type.fields, add);
  for (const EventField& field : full_payload_fields()) {
    if (field.name != "result" || type.event == "succeeded") add(field);
  }
  return fields;
}

/// The attributes of a CloudEvent, without its data.
std::pair<object, array> attributes_of(const EventType& type, int version) {
  const auto text = [](std::string_view description) {
    return object{{"type", "string"}, {"minLength", 1}, {"description", description}};
  };
  const auto formatted = [](std::string_view format, std::string_view description) {
    return object{{"type", "string"}, {"format", format}, {"description", description}};
  };
  const auto constant = [](std::string_view text) {
    return object{{"type", "string"}, {"const", text}};
  };
  const auto matching = [](std::string_view pattern, std::string_view description) {
    return object{{"type", "string"}, {"pattern", pattern}, {"description", description}};
  };
  std::string schema_pattern;
  for (const char c : data_schema_path(type_name(type), version)) {
    schema_pattern.append(c == '.' ? "\\" : "").push_back(c);
  }
  object properties{
      {"specversion", constant("1.0")},
      {"id", text("The same in each repetition: the job's id, \"-\" and the event's number.")},
      {"source", formatted("uri-reference", "The server's public address, or \"urn:errand\".")},
      {"type", constant(type_name(type))},
      {"subject", text("\"job/\" and the job's id.")},
      {"time", formatted("date-time", "When it happened.")},
      {"timestamp", formatted("date-time", "The same, under its name in Standard Webhooks.")},
      {"datacontenttype", constant("application/json")},
      {"dataschema", object{{"type", "string"},
                            {"format", "uri"},
                            {"pattern", schema_pattern + "$"},
                            {"description", "The JSON Schema of `data`, in its version."}}},
      {"sequence", matching("^[0-9]{20}$", "The event's number within the job; ordered as text.")},
      {"partitionkey", text("The job's id: the events of one job are in order.")},
      {"correlationid", text("What the client named to find all that belongs together.")},
      {"traceparent", matching("^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                               "W3C trace context of what caused it.")},
  };
  array required{"specversion", "id",       "source",      "type",
                 "subject",     "time",     "timestamp",   "datacontenttype",
                 "dataschema",  "sequence", "partitionkey"};
  return {std::move(properties), std::move(required)};
}

object whole_event(const EventType& type, int version, std::string_view data_reference) {
  auto [properties, required] = attributes_of(type, version);
  properties.emplace("data", object{{"$ref", data_reference}});
  required.emplace_back("data");
  return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

object with_head(const std::string& path, std::string_view title, std::string_view description,
                 object schema) {
  object result{{"$schema", kDraft},
                {"$id", std::string(kSchemaOrigin) + path},
                {"title", title},
                {"description", description}};
  for (auto& member : schema) result.insert(std::move(member));
  return result;
}

/// "step_completed" -> "stepCompleted", as names in the AsyncAPI document are written.
std::string camel(std::string_view event) {
  std::string name;
  bool begins = false;
  for (const char c : event) {
    if (c != '_') name += begins ? static_cast<char>(c - 'a' + 'A') : c;
    begins = c == '_';
  }
  return name;
}

object reference(std::string_view kind, const std::string& name) {
  return {{"$ref", "#/components/" + std::string(kind) + "/" + name}};
}

value sample(std::size_t kind) {
  auto parsed = json::parse(sample_cloud_event(kind));
  ERRAND_ASSERT(parsed.has_value());
  return *std::move(parsed);
}

object index() {
  array events;
  for (const EventType& type : event_types()) {
    const std::string name = type_name(type);
    array versions;
    for (int version = 1; version <= type.version; ++version) {
      versions.push_back(object{{"version", version},
                                {"data", data_schema_path(name, version)},
                                {"event", event_schema_path(name, version)}});
    }
    events.push_back(object{{"type", name},
                            {"description", type.description},
                            {"version", type.version},
                            {"schemas", std::move(versions)}});
  }
  return {{"asyncapi", "/schemas/events.asyncapi.json"}, {"events", std::move(events)}};
}

}  // namespace

object data_schema(const EventType& type, int version) {
  ERRAND_ASSERT(version >= 1 && version <= type.version);
  SchemaMaker maker("#/$defs/");
  object schema = maker.object_of(data_fields(type, version));
  if (object definitions = maker.definitions(); !definitions.empty()) {
    schema.emplace("$defs", std::move(definitions));
  }
  const std::string name = type_name(type);
  return with_head(data_schema_path(name, version), "Data of " + name, type.description,
                   std::move(schema));
}

object event_schema(const EventType& type, int version) {
  ERRAND_ASSERT(version >= 1 && version <= type.version);
  const std::string name = type_name(type);
  return with_head(event_schema_path(name, version), name, type.description,
                   whole_event(type, version, std::to_string(version) + ".json"));
}

object events_asyncapi() {
  SchemaMaker maker("#/components/schemas/");
  object messages;
  object channel_messages;
  object schemas;
  for (std::size_t i = 0; i < job::kEventNameCount; ++i) {
    const EventType& type = event_types()[i];
    const std::string name = camel(type.event);
    const std::string data = name + "Data";
    schemas.emplace(name, whole_event(type, type.version, "#/components/schemas/" + data));
    schemas.emplace(data, maker.object_of(data_fields(type, type.version)));
    messages.emplace(name,
                     object{{"name", type_name(type)},
                            {"title", type_name(type)},
                            {"summary", type.description},
                            {"traits", array{reference("messageTraits", "cloudEvent")}},
                            {"payload", reference("schemas", name)},
                            {"examples", array{object{{"name", name}, {"payload", sample(i)}}}}});
    channel_messages.emplace(name, reference("messages", name));
  }
  for (auto& definition : maker.definitions()) schemas.insert(std::move(definition));

  const object trait{{"contentType", "application/cloudevents+json"},
                     {"correlationId", object{{"description", "The job's correlation id."},
                                              {"location", "$message.payload#/correlationid"}}}};
  const object info{
      {"title", "The events of Errand"},
      {"version", "1.0.0"},
      {"description",
       "What happens to jobs, told to other programs. Each event is a CloudEvent 1.0 in structured "
       "mode and a payload of Standard Webhooks in one. A schema changes only by members that may "
       "be missing; receivers ignore members that they do not know, bear an event that comes twice "
       "(by `id`), and order those of one job by `sequence`."},
      {"license",
       object{{"name", "Apache-2.0"}, {"url", "https://www.apache.org/licenses/LICENSE-2.0"}}}};
  const object channel{{"address", nullptr},
                       {"title", "The events of jobs"},
                       {"description", "Where they go is the receiver's to say, hence no address."},
                       {"messages", std::move(channel_messages)}};
  const object operation{
      {"action", "send"},
      {"channel", object{{"$ref", "#/channels/jobEvents"}}},
      {"title", "Tells of an event"},
      {"summary", "Sent at least once, in its job's order where the receiver asks for that."}};
  return {{"asyncapi", "3.1.0"},
          {"id", std::string(kSchemaOrigin) + "/schemas/events.asyncapi.json"},
          {"info", info},
          {"defaultContentType", "application/cloudevents+json"},
          {"channels", object{{"jobEvents", channel}}},
          {"operations", object{{"sendJobEvent", operation}}},
          {"components", object{{"messages", std::move(messages)},
                                {"messageTraits", object{{"cloudEvent", trait}}},
                                {"schemas", std::move(schemas)}}}};
}

std::vector<EventDocument> event_documents() {
  constexpr std::string_view kSchema = "application/schema+json";
  std::vector<EventDocument> documents;
  documents.push_back({"/schemas/", "application/json", json::to_indented_text(index())});
  documents.push_back({"/schemas/events.asyncapi.json", "application/vnd.aai.asyncapi+json",
                       json::to_indented_text(events_asyncapi())});
  for (const EventType& type : event_types()) {
    const std::string name = type_name(type);
    for (int version = 1; version <= type.version; ++version) {
      documents.push_back({data_schema_path(name, version), kSchema,
                           json::to_indented_text(data_schema(type, version))});
      documents.push_back({event_schema_path(name, version), kSchema,
                           json::to_indented_text(event_schema(type, version))});
    }
  }
  return documents;
}

}  // namespace errand::contract
