#include "errand/codegen/cpp_support.h"

namespace errand::codegen {

std::string_view cpp_conversion_text() noexcept {
  return R"text(
/// A JSON value that does not fit; the message says where and why.
class ConversionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace internal {

/// Where a value stands. Parameter of every read() and write(), which are found by it.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view member{};
  std::size_t index = 0;

  std::string text() const {
    if (parent == nullptr) return std::string(member);
    if (member.empty()) return parent->text() + "[" + std::to_string(index) + "]";
    return parent->text() + "." + std::string(member);
  }
};

[[noreturn]] inline void wrong(const JsonPath& path, std::string_view what) {
  throw ConversionError(path.text() + ": " + std::string(what));
}

inline const boost::json::object& object_of(const boost::json::value& from, const JsonPath& path) {
  const auto* object = from.if_object();
  if (object == nullptr) wrong(path, "expected an object");
  return *object;
}

inline void read(const boost::json::value& from, bool& to, const JsonPath& path) {
  if (!from.is_bool()) wrong(path, "expected a boolean");
  to = from.get_bool();
}

inline void read(const boost::json::value& from, std::int32_t& to, const JsonPath& path) {
  boost::json::error_code error;
  to = from.to_number<std::int32_t>(error);
  if (error) wrong(path, "expected a whole number of 32 bits");
}

inline void read(const boost::json::value& from, double& to, const JsonPath& path) {
  boost::json::error_code error;
  to = from.to_number<double>(error);
  if (error) wrong(path, "expected a number");
}

inline void read(const boost::json::value& from, std::string& to, const JsonPath& path) {
  const auto* text = from.if_string();
  if (text == nullptr) wrong(path, "expected a string");
  to.assign(text->data(), text->size());
}

inline void read(const boost::json::value& from, boost::json::value& to, const JsonPath&) { to = from; }

inline void write(boost::json::value& to, bool from, const JsonPath&) { to = from; }
inline void write(boost::json::value& to, std::int32_t from, const JsonPath&) { to = from; }
inline void write(boost::json::value& to, double from, const JsonPath&) { to = from; }
inline void write(boost::json::value& to, const std::string& from, const JsonPath&) { to = from; }
inline void write(boost::json::value& to, const boost::json::value& from, const JsonPath&) {
  to = from;
}

template <class T>
void read(const boost::json::value& from, std::optional<T>& to, const JsonPath& path);
template <class T>
void read(const boost::json::value& from, std::vector<T>& to, const JsonPath& path);
template <class T>
void read(const boost::json::value& from, std::shared_ptr<T>& to, const JsonPath& path);
template <class T>
void write(boost::json::value& to, const std::optional<T>& from, const JsonPath& path);
template <class T>
void write(boost::json::value& to, const std::vector<T>& from, const JsonPath& path);
template <class T>
void write(boost::json::value& to, const std::shared_ptr<T>& from, const JsonPath& path);

template <class T>
void read(const boost::json::value& from, std::optional<T>& to, const JsonPath& path) {
  to.reset();
  if (!from.is_null()) read(from, to.emplace(), path);
}

template <class T>
void read(const boost::json::value& from, std::vector<T>& to, const JsonPath& path) {
  const auto* list = from.if_array();
  if (list == nullptr) wrong(path, "expected a list");
  to.clear();
  to.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    T item{};
    read((*list)[i], item, JsonPath{&path, {}, i});
    to.push_back(std::move(item));
  }
}

template <class T>
void read(const boost::json::value& from, std::shared_ptr<T>& to, const JsonPath& path) {
  to.reset();
  if (from.is_null()) return;
  to = std::make_shared<T>();
  read(from, *to, path);
}

template <class T>
void write(boost::json::value& to, const std::optional<T>& from, const JsonPath& path) {
  if (from)
    write(to, *from, path);
  else
    to = nullptr;
}

template <class T>
void write(boost::json::value& to, const std::vector<T>& from, const JsonPath& path) {
  auto& list = to.emplace_array();
  list.reserve(from.size());
  std::size_t i = 0;
  for (const T& item : from) write(list.emplace_back(nullptr), item, JsonPath{&path, {}, i++});
}

template <class T>
void write(boost::json::value& to, const std::shared_ptr<T>& from, const JsonPath& path) {
  if (from)
    write(to, *from, path);
  else
    to = nullptr;
}

/// A member that must be there.
template <class T>
void read_member(const boost::json::object& from, std::string_view name, T& to,
                 const JsonPath& path) {
  const auto* member = from.if_contains(boost::json::string_view(name.data(), name.size()));
  const JsonPath at{&path, name};
  if (member == nullptr || member->is_null()) wrong(at, "is missing");
  read(*member, to, at);
}

/// A member that may be left out: `to` stays as it is.
template <class T>
void read_optional(const boost::json::object& from, std::string_view name, T& to,
                   const JsonPath& path) {
  const auto* member = from.if_contains(boost::json::string_view(name.data(), name.size()));
  if (member != nullptr) read(*member, to, JsonPath{&path, name});
}

/// What a program does not know of an input it must not pass over.
inline void refuse_unknown(const boost::json::object& from,
                           std::initializer_list<std::string_view> known, const JsonPath& path) {
  for (const auto& member : from) {
    const std::string_view name(member.key().data(), member.key().size());
    bool found = member.value().is_null();
    for (const auto each : known) found = found || each == name;
    if (!found) wrong(JsonPath{&path, name}, "this program does not know the field");
  }
}

template <class T>
void write_member(boost::json::object& to, std::string_view name, const T& from,
                  const JsonPath& path) {
  write(to[boost::json::string_view(name.data(), name.size())], from, JsonPath{&path, name});
}

/// Nothing is left out: GraphQL tells it from null.
template <class T>
void write_optional(boost::json::object& to, std::string_view name, const T& from,
                    const JsonPath& path) {
  if (from) write_member(to, name, from, path);
}

inline void write_optional(boost::json::object& to, std::string_view name, const boost::json::value& from,
                           const JsonPath& path) {
  if (!from.is_null()) write_member(to, name, from, path);
}

template <class T>
T read_whole(const boost::json::value& from, std::string_view name) {
  T to{};
  read(from, to, JsonPath{nullptr, name});
  return to;
}

template <class T>
boost::json::value write_whole(const T& from, std::string_view name) {
  boost::json::value to;
  write(to, from, JsonPath{nullptr, name});
  return to;
}

}  // namespace internal
)text";
}

std::string_view cpp_client_text() noexcept {
  return R"text(
/// The server refused the request: the first error of its answer.
class RequestError : public std::runtime_error {
 public:
  RequestError(const std::string& message, std::string code)
      : std::runtime_error(message), code_(std::move(code)) {}

  /// One of the server's list, such as "CONSTRAINT_VIOLATION".
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

struct JobProgress {
  double completed = 0;
  std::optional<double> total{};
  std::optional<double> fraction{};
  std::optional<std::string> stage{};
  std::optional<std::string> message{};
};

/// Why a job did not succeed.
struct JobFailure {
  std::string code{};
  std::string message{};
  boost::json::value details{};
  bool retryable = false;
  std::optional<std::string> remediation{};
};

/// A job as it is at one moment.
template <class Result>
struct JobState {
  std::string id{};
  std::string type{};
  std::string status{};
  std::int32_t run = 1;
  std::int32_t attempt = 0;
  std::optional<JobProgress> progress{};
  std::optional<JobFailure> error{};
  std::optional<Result> result{};  ///< set once it has SUCCEEDED

  bool ended() const {
    return status == "SUCCEEDED" || status == "FAILED" || status == "CANCELED" ||
           status == "EXPIRED";
  }
};

namespace internal {

inline void read(const boost::json::value& from, JobProgress& to, const JsonPath& path) {
  const auto& members = object_of(from, path);
  read_member(members, "completed", to.completed, path);
  read_optional(members, "total", to.total, path);
  read_optional(members, "fraction", to.fraction, path);
  read_optional(members, "stage", to.stage, path);
  read_optional(members, "message", to.message, path);
}

inline void read(const boost::json::value& from, JobFailure& to, const JsonPath& path) {
  const auto& members = object_of(from, path);
  read_member(members, "code", to.code, path);
  read_member(members, "message", to.message, path);
  read_optional(members, "details", to.details, path);
  read_member(members, "retryable", to.retryable, path);
  read_optional(members, "remediation", to.remediation, path);
}

template <class Result>
void read(const boost::json::value& from, JobState<Result>& to, const JsonPath& path) {
  const auto& members = object_of(from, path);
  read_member(members, "id", to.id, path);
  read_member(members, "type", to.type, path);
  read_member(members, "status", to.status, path);
  read_member(members, "run", to.run, path);
  read_member(members, "attempt", to.attempt, path);
  read_optional(members, "progress", to.progress, path);
  read_optional(members, "error", to.error, path);
  // A result may be null by its type; only the status tells.
  const auto* result = members.if_contains("result");
  if (to.status == "SUCCEEDED") {
    read(result != nullptr ? *result : boost::json::value(), to.result.emplace(),
         JsonPath{&path, "result"});
  }
}

/// The field `name` of an answer's data. @throws RequestError where it is null for an error.
inline const boost::json::value& answered(const boost::json::value& response,
                                          std::string_view name) {
  const JsonPath path{nullptr, "response"};
  const auto& members = object_of(response, path);
  if (const auto* data = members.if_contains("data"); data != nullptr && data->is_object()) {
    const auto* field =
        data->get_object().if_contains(boost::json::string_view(name.data(), name.size()));
    if (field != nullptr && !field->is_null()) return *field;
  }
  const auto* errors = members.if_contains("errors");
  if (errors == nullptr || !errors->is_array() || errors->get_array().empty())
    wrong(path, "has no " + std::string(name));
  const auto& error = object_of(errors->get_array().front(), path);
  std::string message;
  read_member(error, "message", message, path);
  std::string code = "UNKNOWN";
  if (const auto* extensions = error.if_contains("extensions");
      extensions != nullptr && extensions->is_object())
    read_optional(extensions->get_object(), "code", code, path);
  throw RequestError(message, std::move(code));
}

}  // namespace internal
)text";
}

}  // namespace errand::codegen
