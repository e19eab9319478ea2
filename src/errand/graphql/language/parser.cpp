#include "errand/graphql/language/parser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errand/base/assert.h"
#include "errand/graphql/language/lexer.h"
#include "errand/graphql/language/token.h"

namespace errand::graphql::language {
namespace {

constexpr std::array<std::string_view, 21> kDirectiveLocations = {
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "FRAGMENT_VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
    "DIRECTIVE_DEFINITION",
};

/// Recursive descent with one token of lookahead.
///
/// The first error is kept and the current token becomes kInvalid for good, which no rule accepts:
/// rules then run out quickly by themselves and need not check after each step. What they build
/// meanwhile is thrown away. Only loops and recursion look at failed().
class Parser {
 public:
  Parser(const Source& source, const ParseOptions& options, Arena& arena, bool coordinate = false)
      : source_(source),
        options_(options),
        arena_(arena),
        lexer_(source.body, arena),
        coordinate_(coordinate) {
    ERRAND_ASSERT(options.max_depth <= ParseOptions::kMaxDepthMax);
    // A node per few bytes, some 100 bytes a node; what this misses, further blocks bring.
    arena.reserve(std::clamp<std::size_t>(source.body.size() * 12, 512, 256 * 1024));
    if (source.body.size() > std::numeric_limits<std::uint32_t>::max() - 1) {
      fail_at(0, "Source is longer than 4 GiB. Parsing aborted.", ErrorCode::kLimitExceeded);
      return;
    }
    advance();
  }

  NodeList<Definition> parse_document() {
    const std::size_t mark = scratch_.size();
    do {
      scratch_.push_back(parse_definition());
    } while (!failed() && !accept(TokenKind::kEndOfFile));
    return take<Definition>(mark);
  }

  const Value* parse_whole_value(bool constant) {
    const Value* value = parse_value_literal(constant);
    expect(TokenKind::kEndOfFile);
    return value;
  }

  const TypeReference* parse_whole_type() {
    const TypeReference* type = parse_type_reference();
    expect(TokenKind::kEndOfFile);
    return type;
  }

  const SchemaCoordinate* parse_whole_coordinate() {
    const SchemaCoordinate* coordinate = parse_coordinate();
    expect(TokenKind::kEndOfFile);
    return coordinate;
  }

  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  [[nodiscard]] GraphQLError take_error() { return *std::move(error_); }
  [[nodiscard]] std::size_t token_count() const noexcept { return token_count_; }

 private:
  // ---- Definitions ----

  const Definition* parse_definition() {
    if (peek(TokenKind::kBraceLeft)) return parse_operation(token_.start, nullptr);
    const std::uint32_t start = token_.start;
    const StringValue* description = parse_description();
    if (description != nullptr && peek(TokenKind::kBraceLeft)) {
      fail_at(start,
              "Unexpected description, descriptions are not supported on shorthand queries.");
      return nullptr;
    }
    if (peek(TokenKind::kName)) {
      const std::string_view word = token_.value;
      if (word == "query" || word == "mutation" || word == "subscription") {
        return parse_operation(start, description);
      }
      if (word == "fragment") return parse_fragment_definition(start, description);
      if (word == "schema") return parse_schema(Kind::kSchemaDefinition, start, description);
      if (word == "scalar") return parse_scalar(Kind::kScalarTypeDefinition, start, description);
      if (word == "type") {
        return parse_fielded<ObjectTypeDefinition>(Kind::kObjectTypeDefinition, start, description);
      }
      if (word == "interface") {
        return parse_fielded<InterfaceTypeDefinition>(Kind::kInterfaceTypeDefinition, start,
                                                      description);
      }
      if (word == "union") return parse_union(Kind::kUnionTypeDefinition, start, description);
      if (word == "enum") return parse_enum(Kind::kEnumTypeDefinition, start, description);
      if (word == "input") {
        return parse_input_object(Kind::kInputObjectTypeDefinition, start, description);
      }
      if (word == "directive") return parse_directive_definition(start, description);
      if (description != nullptr) {
        fail_at(start, "Unexpected description, only GraphQL definitions support descriptions.");
        return nullptr;
      }
      if (word == "extend") return parse_extension();
    }
    unexpected(token_);
    return nullptr;
  }

  const OperationDefinition* parse_operation(std::uint32_t start, const StringValue* description) {
    auto* node = make<OperationDefinition>(start);
    node->description = description;
    if (!peek(TokenKind::kBraceLeft)) {
      node->operation = parse_operation_type();
      if (peek(TokenKind::kName)) node->name = parse_name();
      node->variable_definitions =
          optional_many<VariableDefinition>(TokenKind::kParenLeft, TokenKind::kParenRight,
                                            [&] { return parse_variable_definition(); });
      node->directives = parse_directives(false);
    }
    node->selection_set = parse_selection_set();
    return finish(node);
  }

  OperationType parse_operation_type() {
    const Token token = token_;
    expect(TokenKind::kName);
    if (token.value == "query") return OperationType::kQuery;
    if (token.value == "mutation") return OperationType::kMutation;
    if (token.value == "subscription") return OperationType::kSubscription;
    unexpected(token);
    return OperationType::kQuery;
  }

  const VariableDefinition* parse_variable_definition() {
    auto* node = make<VariableDefinition>();
    node->description = parse_description();
    node->variable = parse_variable();
    expect(TokenKind::kColon);
    node->type = parse_type_reference();
    if (accept(TokenKind::kEquals)) node->default_value = parse_value_literal(true);
    node->directives = parse_directives(true);
    return finish(node);
  }

  const FragmentDefinition* parse_fragment_definition(std::uint32_t start,
                                                      const StringValue* description) {
    auto* node = make<FragmentDefinition>(start);
    node->description = description;
    expect_keyword("fragment");
    node->name = parse_fragment_name();
    expect_keyword("on");
    node->type_condition = parse_named_type();
    node->directives = parse_directives(false);
    node->selection_set = parse_selection_set();
    return finish(node);
  }

  Name parse_fragment_name() {
    if (peek_keyword("on")) unexpected(token_);
    return parse_name();
  }

  // ---- Selections ----

  const SelectionSet* parse_selection_set() {
    auto* node = make<SelectionSet>();
    if (!enter()) return node;
    expect(TokenKind::kBraceLeft);
    const std::size_t mark = scratch_.size();
    if (!options_.allow_empty_selection_sets || !accept(TokenKind::kBraceRight)) {
      do {
        scratch_.push_back(parse_selection());
      } while (!failed() && !accept(TokenKind::kBraceRight));
    }
    node->selections = take<Selection>(mark);
    leave();
    return finish(node);
  }

  const Selection* parse_selection() {
    return peek(TokenKind::kSpread) ? parse_fragment() : parse_field();
  }

  const Selection* parse_field() {
    auto* node = make<Field>();
    node->name = parse_name();
    if (accept(TokenKind::kColon)) {
      node->alias = node->name;
      node->name = parse_name();
    }
    node->arguments = parse_arguments(false);
    node->directives = parse_directives(false);
    if (peek(TokenKind::kBraceLeft)) node->selection_set = parse_selection_set();
    return finish(node);
  }

  const Selection* parse_fragment() {
    const std::uint32_t start = token_.start;
    expect(TokenKind::kSpread);
    const bool has_type_condition = accept_keyword("on");
    if (!has_type_condition && peek(TokenKind::kName)) {
      auto* node = make<FragmentSpread>(start);
      node->name = parse_fragment_name();
      node->directives = parse_directives(false);
      return finish(node);
    }
    auto* node = make<InlineFragment>(start);
    if (has_type_condition) node->type_condition = parse_named_type();
    node->directives = parse_directives(false);
    node->selection_set = parse_selection_set();
    return finish(node);
  }

  NodeList<Argument> parse_arguments(bool constant) {
    return optional_many<Argument>(TokenKind::kParenLeft, TokenKind::kParenRight, [&] {
      auto* node = make<Argument>();
      node->name = parse_name();
      expect(TokenKind::kColon);
      node->value = parse_value_literal(constant);
      return finish(node);
    });
  }

  NodeList<Directive> parse_directives(bool constant) {
    if (!peek(TokenKind::kAt)) return {};
    const std::size_t mark = scratch_.size();
    while (peek(TokenKind::kAt)) {
      auto* node = make<Directive>();
      advance();
      node->name = parse_name();
      node->arguments = parse_arguments(constant);
      scratch_.push_back(finish(node));
    }
    return take<Directive>(mark);
  }

  // ---- Values ----

  const Value* parse_value_literal(bool constant) {
    const Token token = token_;
    switch (token.kind) {
      case TokenKind::kBracketLeft:
        return parse_list(constant);
      case TokenKind::kBraceLeft:
        return parse_object(constant);
      case TokenKind::kInt: {
        auto* node = make<IntValue>();
        node->value = token.value;
        advance();
        return finish(node);
      }
      case TokenKind::kFloat: {
        auto* node = make<FloatValue>();
        node->value = token.value;
        advance();
        return finish(node);
      }
      case TokenKind::kString:
      case TokenKind::kBlockString:
        return parse_string_literal();
      case TokenKind::kName:
        return parse_name_value();
      case TokenKind::kDollar:
        if (!constant) return parse_variable();
        advance();
        if (peek(TokenKind::kName)) {
          fail_at(token.start,
                  fmt::format("Unexpected variable \"${}\" in constant value.", token_.value));
        } else {
          unexpected(token);
        }
        return nullptr;
      default:
        unexpected(token);
        return nullptr;
    }
  }

  const Value* parse_name_value() {
    const std::string_view word = token_.value;
    if (word == "true" || word == "false") {
      auto* node = make<BooleanValue>();
      node->value = word == "true";
      advance();
      return finish(node);
    }
    if (word == "null") {
      auto* node = make<NullValue>();
      advance();
      return finish(node);
    }
    auto* node = make<EnumValue>();
    node->value = word;
    advance();
    return finish(node);
  }

  const Value* parse_list(bool constant) {
    auto* node = make<ListValue>();
    if (!enter()) return node;
    advance();
    const std::size_t mark = scratch_.size();
    while (!failed() && !accept(TokenKind::kBracketRight)) {
      scratch_.push_back(parse_value_literal(constant));
    }
    node->values = take<Value>(mark);
    leave();
    return finish(node);
  }

  const Value* parse_object(bool constant) {
    auto* node = make<ObjectValue>();
    if (!enter()) return node;
    advance();
    const std::size_t mark = scratch_.size();
    while (!failed() && !accept(TokenKind::kBraceRight)) {
      auto* field = make<ObjectField>();
      field->name = parse_name();
      expect(TokenKind::kColon);
      field->value = parse_value_literal(constant);
      scratch_.push_back(finish(field));
    }
    node->fields = take<ObjectField>(mark);
    leave();
    return finish(node);
  }

  const StringValue* parse_string_literal() {
    auto* node = make<StringValue>();
    node->value = token_.value;
    node->block = token_.kind == TokenKind::kBlockString;
    advance();
    return finish(node);
  }

  const StringValue* parse_description() {
    const bool present = peek(TokenKind::kString) || peek(TokenKind::kBlockString);
    return present ? parse_string_literal() : nullptr;
  }

  const Variable* parse_variable() {
    auto* node = make<Variable>();
    expect(TokenKind::kDollar);
    node->name = parse_name();
    return finish(node);
  }

  // ---- Type references ----

  const TypeReference* parse_type_reference() {
    const std::uint32_t start = token_.start;
    const TypeReference* type = nullptr;
    if (peek(TokenKind::kBracketLeft)) {
      auto* list = make<ListType>();
      if (!enter()) return list;
      advance();
      list->type = parse_type_reference();
      expect(TokenKind::kBracketRight);
      leave();
      type = finish(list);
    } else {
      type = parse_named_type();
    }
    if (!accept(TokenKind::kBang)) return type;
    auto* non_null = make<NonNullType>(start);
    non_null->type = type;
    return finish(non_null);
  }

  const NamedType* parse_named_type() {
    auto* node = make<NamedType>();
    node->name = parse_name();
    return finish(node);
  }

  // ---- Type system definitions and extensions ----

  const Definition* parse_extension() {
    const std::uint32_t start = token_.start;
    advance();
    if (peek(TokenKind::kName)) {
      const std::string_view word = token_.value;
      if (word == "schema") return parse_schema(Kind::kSchemaExtension, start, nullptr);
      if (word == "scalar") return parse_scalar(Kind::kScalarTypeExtension, start, nullptr);
      if (word == "type") {
        return parse_fielded<ObjectTypeDefinition>(Kind::kObjectTypeExtension, start, nullptr);
      }
      if (word == "interface") {
        return parse_fielded<InterfaceTypeDefinition>(Kind::kInterfaceTypeExtension, start,
                                                      nullptr);
      }
      if (word == "union") return parse_union(Kind::kUnionTypeExtension, start, nullptr);
      if (word == "enum") return parse_enum(Kind::kEnumTypeExtension, start, nullptr);
      if (word == "input") {
        return parse_input_object(Kind::kInputObjectTypeExtension, start, nullptr);
      }
      if (word == "directive") return parse_directive_extension(start);
    }
    unexpected(token_);
    return nullptr;
  }

  /// An extension must extend something.
  void require_content(Kind kind, bool has_content) {
    if (Definition::is_extension(kind) && !has_content) unexpected(token_);
  }

  const Definition* parse_schema(Kind kind, std::uint32_t start, const StringValue* description) {
    auto* node = make_as<SchemaDefinition>(kind, start, description);
    expect_keyword("schema");
    node->directives = parse_directives(true);
    const auto item = [&] { return parse_operation_type_definition(); };
    node->operation_types =
        kind == Kind::kSchemaDefinition
            ? many<OperationTypeDefinition>(TokenKind::kBraceLeft, TokenKind::kBraceRight, item)
            : optional_many<OperationTypeDefinition>(TokenKind::kBraceLeft, TokenKind::kBraceRight,
                                                     item);
    require_content(kind, !node->directives.empty() || !node->operation_types.empty());
    return finish(node);
  }

  const OperationTypeDefinition* parse_operation_type_definition() {
    auto* node = make<OperationTypeDefinition>();
    node->operation = parse_operation_type();
    expect(TokenKind::kColon);
    node->type = parse_named_type();
    return finish(node);
  }

  const Definition* parse_scalar(Kind kind, std::uint32_t start, const StringValue* description) {
    auto* node = make_as<ScalarTypeDefinition>(kind, start, description);
    expect_keyword("scalar");
    node->name = parse_name();
    node->directives = parse_directives(true);
    require_content(kind, !node->directives.empty());
    return finish(node);
  }

  /// An object or interface type.
  template <class T>
  const Definition* parse_fielded(Kind kind, std::uint32_t start, const StringValue* description) {
    auto* node = make_as<T>(kind, start, description);
    advance();
    node->name = parse_name();
    if (accept_keyword("implements")) node->interfaces = delimited_named_types(TokenKind::kAmp);
    node->directives = parse_directives(true);
    node->fields = optional_many<FieldDefinition>(TokenKind::kBraceLeft, TokenKind::kBraceRight,
                                                  [&] { return parse_field_definition(); });
    require_content(
        kind, !node->interfaces.empty() || !node->directives.empty() || !node->fields.empty());
    return finish(node);
  }

  const Definition* parse_union(Kind kind, std::uint32_t start, const StringValue* description) {
    auto* node = make_as<UnionTypeDefinition>(kind, start, description);
    expect_keyword("union");
    node->name = parse_name();
    node->directives = parse_directives(true);
    if (accept(TokenKind::kEquals)) node->types = delimited_named_types(TokenKind::kPipe);
    require_content(kind, !node->directives.empty() || !node->types.empty());
    return finish(node);
  }

  const Definition* parse_enum(Kind kind, std::uint32_t start, const StringValue* description) {
    auto* node = make_as<EnumTypeDefinition>(kind, start, description);
    expect_keyword("enum");
    node->name = parse_name();
    node->directives = parse_directives(true);
    node->values =
        optional_many<EnumValueDefinition>(TokenKind::kBraceLeft, TokenKind::kBraceRight,
                                           [&] { return parse_enum_value_definition(); });
    require_content(kind, !node->directives.empty() || !node->values.empty());
    return finish(node);
  }

  const EnumValueDefinition* parse_enum_value_definition() {
    auto* node = make<EnumValueDefinition>();
    node->description = parse_description();
    if (peek_keyword("true") || peek_keyword("false") || peek_keyword("null")) {
      fail_at(token_.start, fmt::format("{} is reserved and cannot be used for an enum value.",
                                        describe(token_)));
    }
    node->name = parse_name();
    node->directives = parse_directives(true);
    return finish(node);
  }

  const Definition* parse_input_object(Kind kind, std::uint32_t start,
                                       const StringValue* description) {
    auto* node = make_as<InputObjectTypeDefinition>(kind, start, description);
    expect_keyword("input");
    node->name = parse_name();
    node->directives = parse_directives(true);
    node->fields = parse_input_values(TokenKind::kBraceLeft, TokenKind::kBraceRight);
    require_content(kind, !node->directives.empty() || !node->fields.empty());
    return finish(node);
  }

  const FieldDefinition* parse_field_definition() {
    auto* node = make<FieldDefinition>();
    node->description = parse_description();
    node->name = parse_name();
    node->arguments = parse_input_values(TokenKind::kParenLeft, TokenKind::kParenRight);
    expect(TokenKind::kColon);
    node->type = parse_type_reference();
    node->directives = parse_directives(true);
    return finish(node);
  }

  NodeList<InputValueDefinition> parse_input_values(TokenKind open, TokenKind close) {
    return optional_many<InputValueDefinition>(open, close, [&] {
      auto* node = make<InputValueDefinition>();
      node->description = parse_description();
      node->name = parse_name();
      expect(TokenKind::kColon);
      node->type = parse_type_reference();
      if (accept(TokenKind::kEquals)) node->default_value = parse_value_literal(true);
      node->directives = parse_directives(true);
      return finish(node);
    });
  }

  const Definition* parse_directive_definition(std::uint32_t start,
                                               const StringValue* description) {
    auto* node = make<DirectiveDefinition>(start);
    node->description = description;
    expect_keyword("directive");
    expect(TokenKind::kAt);
    node->name = parse_name();
    node->arguments = parse_input_values(TokenKind::kParenLeft, TokenKind::kParenRight);
    node->directives = parse_directives(true);
    node->repeatable = accept_keyword("repeatable");
    expect_keyword("on");
    node->locations =
        delimited_many<Name>(TokenKind::kPipe, [&] { return parse_directive_location(); });
    return finish(node);
  }

  const Name* parse_directive_location() {
    const Token token = token_;
    const Name name = parse_name();
    if (!failed() &&
        std::ranges::find(kDirectiveLocations, name.value) == kDirectiveLocations.end()) {
      unexpected(token);
    }
    return arena_.make<Name>(name);
  }

  const Definition* parse_directive_extension(std::uint32_t start) {
    auto* node = make<DirectiveExtension>(start);
    expect_keyword("directive");
    expect(TokenKind::kAt);
    node->name = parse_name();
    node->directives = parse_directives(true);
    require_content(node->kind, !node->directives.empty());
    return finish(node);
  }

  NodeList<NamedType> delimited_named_types(TokenKind delimiter) {
    return delimited_many<NamedType>(delimiter, [&] { return parse_named_type(); });
  }

  // ---- Schema coordinates ----

  const SchemaCoordinate* parse_coordinate() {
    const std::uint32_t start = token_.start;
    const bool of_directive = accept(TokenKind::kAt);
    const Name name = parse_name();
    Name member;
    if (!of_directive && accept(TokenKind::kDot)) member = parse_name();
    Name argument;
    if ((of_directive || member) && accept(TokenKind::kParenLeft)) {
      argument = parse_name();
      expect(TokenKind::kColon);
      expect(TokenKind::kParenRight);
    }
    if (of_directive && argument) {
      auto* node = make<DirectiveArgumentCoordinate>(start);
      node->argument_name = argument;
      return finish_coordinate(node, name);
    }
    if (of_directive) return finish_coordinate(make<DirectiveCoordinate>(start), name);
    if (argument) {
      auto* node = make<ArgumentCoordinate>(start);
      node->field_name = member;
      node->argument_name = argument;
      return finish_coordinate(node, name);
    }
    if (member) {
      auto* node = make<MemberCoordinate>(start);
      node->member_name = member;
      return finish_coordinate(node, name);
    }
    return finish_coordinate(make<TypeCoordinate>(start), name);
  }

  template <class T>
  const SchemaCoordinate* finish_coordinate(T* node, const Name& name) {
    node->name = name;
    return finish(node);
  }

  // ---- Lists ----

  template <class T, class Item>
  NodeList<T> many(TokenKind open, TokenKind close, const Item& item) {
    expect(open);
    const std::size_t mark = scratch_.size();
    do {
      scratch_.push_back(item());
    } while (!failed() && !accept(close));
    return take<T>(mark);
  }

  template <class T, class Item>
  NodeList<T> optional_many(TokenKind open, TokenKind close, const Item& item) {
    if (!peek(open)) return {};
    return many<T>(open, close, item);
  }

  template <class T, class Item>
  NodeList<T> delimited_many(TokenKind delimiter, const Item& item) {
    accept(delimiter);
    const std::size_t mark = scratch_.size();
    do {
      scratch_.push_back(item());
    } while (!failed() && accept(delimiter));
    return take<T>(mark);
  }

  /// Moves the nodes above `mark` from the scratch stack to the arena.
  template <class T>
  NodeList<T> take(std::size_t mark) {
    if (failed()) {
      scratch_.resize(mark);
      return {};
    }
    const std::size_t count = scratch_.size() - mark;
    const std::span<const T*> list = arena_.make_array<const T*>(count);
    for (std::size_t i = 0; i < count; ++i) list[i] = static_cast<const T*>(scratch_[mark + i]);
    scratch_.resize(mark);
    return list;
  }

  // ---- Nodes and tokens ----

  template <class T>
  T* make() {
    return make<T>(token_.start);
  }
  template <class T>
  T* make(std::uint32_t start) {
    T* node = arena_.make<T>();
    node->start = start;
    return node;
  }
  template <class T>
  T* make_as(Kind kind, std::uint32_t start, const StringValue* description) {
    T* node = arena_.make<T>(kind);
    node->start = start;
    node->description = description;
    return node;
  }
  template <class T>
  T* finish(T* node) {
    node->end = last_end_;
    return node;
  }

  Name parse_name() {
    Name name;
    name.start = token_.start;
    name.end = token_.end;
    name.value = token_.value;
    expect(TokenKind::kName);
    return name;
  }

  [[nodiscard]] bool peek(TokenKind kind) const noexcept { return token_.kind == kind; }
  [[nodiscard]] bool peek_keyword(std::string_view word) const noexcept {
    return token_.kind == TokenKind::kName && token_.value == word;
  }

  bool accept(TokenKind kind) {
    if (!peek(kind)) return false;
    advance();
    return true;
  }
  bool accept_keyword(std::string_view word) {
    if (!peek_keyword(word)) return false;
    advance();
    return true;
  }
  void expect(TokenKind kind) {
    if (accept(kind)) return;
    fail_at(token_.start,
            fmt::format("Expected {}, found {}.", language::describe(kind), describe(token_)));
  }
  void expect_keyword(std::string_view word) {
    if (accept_keyword(word)) return;
    fail_at(token_.start, fmt::format("Expected \"{}\", found {}.", word, describe(token_)));
  }

  void advance() {
    last_end_ = token_.end;
    token_ = coordinate_ ? lexer_.next_of_coordinate() : lexer_.next();
    if (token_.kind == TokenKind::kEndOfFile) return;
    if (token_.kind == TokenKind::kInvalid) [[unlikely]] {
      fail_at(lexer_.failure()->offset, lexer_.failure()->message);
    } else if (++token_count_ > options_.max_tokens) [[unlikely]] {
      fail_at(token_.start,
              fmt::format("Document contains more than {} tokens. Parsing aborted.",
                          options_.max_tokens),
              ErrorCode::kMaxTokensLimit);
    }
  }

  /// Goes one level deeper; false, with the error set, at the bound.
  bool enter() {
    if (failed()) return false;
    if (depth_ >= options_.max_depth) {
      fail_at(token_.start,
              fmt::format("Document is nested deeper than {} levels. Parsing aborted.",
                          options_.max_depth),
              ErrorCode::kMaxRecursionLimit);
      return false;
    }
    ++depth_;
    return true;
  }
  void leave() { --depth_; }

  // ---- Errors ----

  static std::string describe(const Token& token) {
    std::string text(language::describe(token.kind));
    const bool has_value = token.kind >= TokenKind::kName && token.kind <= TokenKind::kBlockString;
    if (has_value) text += fmt::format(" \"{}\"", token.value);
    return text;
  }

  void unexpected(const Token& token) {
    fail_at(token.start, fmt::format("Unexpected {}.", describe(token)));
  }

  void fail_at(std::size_t offset, std::string_view message,
               ErrorCode code = ErrorCode::kGraphqlParseFailed) {
    if (failed()) return;
    error_.emplace();
    error_->message = fmt::format("Syntax Error: {}", message);
    error_->locations = {source_.location(offset)};
    error_->source_name = source_.name;
    error_->code = code;
    token_.kind = TokenKind::kInvalid;
  }

  const Source& source_;
  const ParseOptions& options_;
  Arena& arena_;
  Lexer lexer_;
  bool coordinate_;

  Token token_;
  std::uint32_t last_end_ = 0;
  std::size_t token_count_ = 0;
  std::uint32_t depth_ = 0;
  std::vector<const Node*> scratch_;
  std::optional<GraphQLError> error_;
};

template <class T, class Rule>
std::expected<SyntaxTree<T>, GraphQLError> parse_tree(Source source, const ParseOptions& options,
                                                      bool coordinate, const Rule& rule) {
  auto shared = std::make_shared<const Source>(std::move(source));
  Arena arena;
  Parser parser(*shared, options, arena, coordinate);
  const T* root = rule(parser);
  if (parser.failed()) return std::unexpected(parser.take_error());
  return SyntaxTree<T>(std::move(shared), std::move(arena), root);
}

}  // namespace

std::expected<Document, GraphQLError> parse(Source source, const ParseOptions& options) {
  auto shared = std::make_shared<const Source>(std::move(source));
  Arena arena;
  Parser parser(*shared, options, arena);
  const NodeList<Definition> definitions = parser.parse_document();
  if (parser.failed()) return std::unexpected(parser.take_error());
  return Document(std::move(shared), std::move(arena), definitions, parser.token_count());
}

std::expected<SyntaxTree<Value>, GraphQLError> parse_value(Source source, bool constant,
                                                           const ParseOptions& options) {
  return parse_tree<Value>(std::move(source), options, false,
                           [&](Parser& parser) { return parser.parse_whole_value(constant); });
}

std::expected<SyntaxTree<TypeReference>, GraphQLError> parse_type(Source source,
                                                                  const ParseOptions& options) {
  return parse_tree<TypeReference>(std::move(source), options, false,
                                   [](Parser& parser) { return parser.parse_whole_type(); });
}

std::expected<SyntaxTree<SchemaCoordinate>, GraphQLError> parse_schema_coordinate(Source source) {
  return parse_tree<SchemaCoordinate>(
      std::move(source), {}, true, [](Parser& parser) { return parser.parse_whole_coordinate(); });
}

}  // namespace errand::graphql::language
