#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace errand::json {

/// Appends `text` (well-formed UTF-8) as a JSON string with quotes. Escapes only what RFC 8259
/// requires, in the shortest form, as RFC 8785, 3.2.2.2 asks.
void append_string(std::string& out, std::string_view text);

/// Appends a finite number as ECMAScript's Number::toString writes it (RFC 8785, 3.2.2.3), so that
/// 1e21 keeps its exponent, 100 has none and -0 is 0.
void append_number(std::string& out, double value);

/// Appends a whole value, members in their own order.
void append_value(std::string& out, const boost::json::value& value);

/// `value` as compact JSON text.
std::string to_text(const boost::json::value& value);

/// Writes one JSON text piece by piece at the end of a string, commas included.
///
/// The caller keeps begin and end in balance; nothing checks it. mark() and rewind() take back what
/// was written since, which is how null propagation undoes a half-written object. Not thread-safe;
/// the string must outlive the writer.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  /// A place to go back to. Valid until the string is cut below it.
  struct Mark {
    std::size_t size;
    bool comma;
  };

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  /// Starts a member; its value must come next.
  void key(std::string_view name);
  /// The same with `key` as it stands in JSON, its quotes and the colon included.
  void raw_key(std::string_view key) {
    separate();
    out_.append(key);
    comma_ = false;
  }

  void null() { raw("null"); }
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  /// `value` must be finite.
  void number(double value);
  void string(std::string_view text);
  void value(const boost::json::value& value);
  /// Appends `text`, which must be one whole JSON value.
  void raw(std::string_view text);

  [[nodiscard]] Mark mark() const { return {out_.size(), comma_}; }
  void rewind(Mark mark) {
    out_.resize(mark.size);
    comma_ = mark.comma;
  }

 private:
  void separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
    comma_ = false;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
  }

  std::string& out_;
  bool comma_ = false;  ///< whether the next value needs a comma before it
};

}  // namespace errand::json
