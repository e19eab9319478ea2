#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/execution/incremental_format.h"
#include "errand/graphql/execution/operation_plan.h"
#include "errand/graphql/execution/planned_field.h"
#include "errand/graphql/execution/request_memory.h"
#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/execution/response_fragment.h"
#include "errand/graphql/execution/source_stream.h"

namespace errand::graphql::execution {

/// What the execution of one operation starts from.
struct OperationRequest {
  std::shared_ptr<const Resolvers> resolvers;
  std::shared_ptr<const ExecutableDocument> document;
  const language::OperationDefinition* operation = nullptr;  ///< of `document`
  RequestMemory memory;           ///< of `variables`, of `sent_variables` and of arguments
  boost::json::object variables;  ///< coerced (spec, 6.1.2)
  /// As the client sent them; none where that is what they were coerced to.
  std::optional<boost::json::object> sent_variables;
  std::shared_ptr<RequestContext> context;
  /// Source of the root fields' default resolvers; may be nullptr.
  std::shared_ptr<const boost::json::value> root_value;
  /// Awaitable fields of one object that are under way at once; > 0.
  std::size_t concurrent_fields_max = 32;
  /// Whether and how @defer and @stream take effect; not kNone only with deliver_incrementally().
  IncrementalFormat incremental = IncrementalFormat::kNone;
  /// Whether errors carry `extensions.code`; off, extensions are only what resolvers gave.
  bool error_codes = true;
};

/// A response (spec, 7.1) as text.
struct ExecutionResult {
  std::string body;
  bool has_errors = false;
  std::optional<int> http_status;  ///< first `extensions.http.status` among the errors
  bool out_of_time = false;        ///< a field has no value because the deadline had passed
};

/// Executes one operation (spec, section 6), under the names of the specification's algorithms.
///
/// Immediate fields are completed as they are met, straight into the response text. Awaitable ones
/// leave a hole and run afterwards, side by side in a query and in order at the root of a mutation.
/// Selection sets and arguments come from the document's OperationPlan; arguments that hang on
/// variables are coerced once for each (field, concrete type), however many objects there are.
///
/// Lives on one strand, for one operation; a subscription executes each event with the same object.
/// The recursion is bounded by the depth of the document, which the parser limits.
class OperationExecution {
 public:
  explicit OperationExecution(OperationRequest request);
  ~OperationExecution();
  OperationExecution(const OperationExecution&) = delete;
  OperationExecution& operator=(const OperationExecution&) = delete;

  /// ExecuteQuery() or ExecuteMutation(), by the operation's type.
  boost::asio::awaitable<ExecutionResult> execute();

  /// The same in two steps, for a caller that saves the coroutine where nothing waits: executes
  /// what takes no waiting, and gives the response if that is all.
  std::optional<ExecutionResult> execute_immediate();
  /// The rest, once after execute_immediate() gave nothing.
  boost::asio::awaitable<ExecutionResult> execute_awaited();

  /// CreateSourceEventStream(), for a subscription.
  boost::asio::awaitable<std::expected<std::unique_ptr<SourceStream>, language::GraphQLError>>
  create_source_stream();

  /// ExecuteSubscriptionEvent(): `value` is that of the subscription's root field.
  boost::asio::awaitable<ExecutionResult> execute_subscription_event(FieldValue value);

  [[nodiscard]] const OperationRequest& request() const noexcept { return request_; }
  [[nodiscard]] const type::Schema& schema() const noexcept { return schema_; }
  [[nodiscard]] const language::Source& source() const noexcept {
    return request_.document->document().source();
  }
  /// The collected root fields; nullptr before the operation is executed.
  [[nodiscard]] const SelectionPlan* root_fields() const noexcept { return root_fields_; }
  /// The variables as the client sent them, coerced without the schema's defaults.
  const boost::json::object& variables_without_defaults();
  boost::json::object& response_extensions() noexcept { return extensions_; }

  /// An execution error of `field`, with its locations and `path`.
  language::GraphQLError located_error(FieldError error, const PlannedField& field,
                                       const ResponsePath& path);

 private:
  friend class IncrementalDelivery;
  struct PendingField;
  // incremental_work.h
  struct DeliveryGroup;
  struct ExecutionGroup;
  struct ItemStream;
  struct DeliveryScope;
  using Work = std::variant<std::shared_ptr<DeliveryGroup>, std::shared_ptr<ExecutionGroup>,
                            std::shared_ptr<ItemStream>>;
  using Fragment = ResponseFragment<PendingField, Work>;
  using SelectionKey = std::pair<const PlannedField*, const type::ObjectType*>;
  struct SelectionKeyHash {
    std::size_t operator()(const SelectionKey& key) const noexcept {
      return std::hash<const void*>()(key.first) * 31 + std::hash<const void*>()(key.second);
    }
  };

  /// What belongs to one piece of the response that is sent as a whole.
  struct Part {
    std::vector<language::GraphQLError> errors;
    bool deferred = false;  ///< comes in a later increment
  };
  /// Where execution stands, between two waits.
  struct Position {
    Part* part = nullptr;
    std::shared_ptr<const DeliveryScope> scope;  ///< the deferred fragments around; may be null
  };
  class At;

  /// The root selection set while it is executed.
  struct Root {
    const SelectionPlan* selection;
    std::shared_ptr<const void> owner;
    SourceObject source;
    Fragment fragment;
    Fragment::Nullable data;
    std::size_t next_field;  ///< to be executed
    bool ok;                 ///< false: `data` is null
  };

  /// Executes root fields: all of a query, of a mutation those up to the next that is awaited.
  void execute_root_fields();
  ExecutionResult finish();

  // planned_selections.cpp
  const SelectionPlan& root_selection(const type::ObjectType& type);
  const SelectionPlan& subfields_of(const PlannedField& field, const type::ObjectType& type);
  /// The arguments, or why there are none; as long as this lives.
  using FieldArguments = std::expected<const boost::json::object*, const language::GraphQLError*>;
  FieldArguments arguments_of(const PlannedField& field);

  // execute_field.cpp. Each returns false when a non-null position has no value, so that the
  // position around it must become null; the text is then cut back by whoever turns null.
  bool execute_selection_set(Fragment& fragment, const SelectionPlan& selection,
                             const SourceObject& source, const ResponsePath* path);
  bool execute_field(Fragment& fragment, const SelectionPlan& selection, const PlannedField& field,
                     const SourceObject& source, const ResponsePath* parent);
  bool complete_field(Fragment& fragment, const PlannedField& field, FieldResult<FieldValue> result,
                      const std::shared_ptr<const void>* owner, const ResponsePath& path);
  // defer_work.cpp
  /// The scope with the fragments that `selection` defers.
  std::shared_ptr<const DeliveryScope> open_scope(const SelectionPlan& selection,
                                                  const ResponsePath* path) const;
  /// Notes what `selection` leaves for later.
  void leave_deferred(Fragment& fragment, const SelectionPlan& selection,
                      const std::shared_ptr<const DeliveryScope>& scope, const SourceObject& source,
                      const ResponsePath* path) const;
  /// Notes the items of `field` that its @stream leaves for later.
  void leave_items(Fragment& fragment, const PlannedField& field, const type::TypeRef& item_type,
                   FieldValue::List items, std::size_t first_index,
                   const std::shared_ptr<const void>* owner, const ResponsePath& path) const;
  /// How many items of a list come at once.
  [[nodiscard]] FieldResult<std::size_t> initial_count(const PlannedStream& stream) const;

  /// ResolveFieldValue() for an immediate resolver, or none.
  FieldResult<FieldValue> resolve_field_value(const SelectionPlan& selection,
                                              const PlannedField& field,
                                              const boost::json::object& arguments,
                                              const SourceObject& source, const ResponsePath& path);

  // complete_value.cpp
  bool complete_value(Fragment& fragment, const PlannedField& field, const type::TypeRef& type,
                      const FieldValue& value, const std::shared_ptr<const void>* owner,
                      const ResponsePath& path);
  bool complete_present_value(Fragment& fragment, const PlannedField& field,
                              const type::TypeRef& type, const FieldValue& value,
                              const std::shared_ptr<const void>* owner, const ResponsePath& path);
  bool complete_list_value(Fragment& fragment, const PlannedField& field, const type::TypeRef& type,
                           const FieldValue& value, const std::shared_ptr<const void>* owner,
                           const ResponsePath& path);
  bool complete_object_value(Fragment& fragment, const PlannedField& field,
                             const type::NamedType& type, const FieldValue& value,
                             const std::shared_ptr<const void>* owner, const ResponsePath& path);
  /// ResolveAbstractType(), and the check of an object's own type.
  FieldResult<const type::ObjectType*> resolve_type(const PlannedField& field,
                                                    const type::NamedType& type,
                                                    const FieldValue& value) const;

  // await_fields.cpp
  boost::asio::awaitable<void> await_holes(Fragment& fragment, std::size_t first = 0);
  boost::asio::awaitable<void> await_hole(Fragment::Hole& hole);

  void add_error(FieldError error, const PlannedField& field, const ResponsePath& path);
  /// Whether the request's own time is over for what belongs to `part`.
  [[nodiscard]] bool is_out_of_time(const Part& part) const;
  /// Why nothing more should be started, if so.
  [[nodiscard]] std::optional<FieldError> stop_reason(const Part& part) const;
  /// Writes `errors` and the extensions, and empties them, as members after others.
  void write_errors_and_extensions(std::vector<language::GraphQLError>& errors, std::string& body);
  /// The response from the root fragment; empties errors and extensions.
  ExecutionResult build_response(Fragment& root);

  OperationRequest request_;
  const type::Schema& schema_;
  const OperationPlan* plan_;  ///< nullptr: the document has too many
  const SelectionPlan* root_fields_ = nullptr;
  std::optional<Root> root_;
  /// Selections that the plan has no room for, by field and type (nullptr and root type).
  std::unordered_map<SelectionKey, std::unique_ptr<SelectionPlan>, SelectionKeyHash>
      own_selections_;
  std::optional<const CoercedArguments> first_arguments_;           ///< of slot 0, the usual one
  std::vector<std::unique_ptr<const CoercedArguments>> arguments_;  ///< by slot
  Part initial_;
  std::vector<Work> later_;  ///< that the initial result left
  Position position_{&initial_, nullptr};
  std::optional<int> http_status_;
  bool out_of_time_ = false;
  boost::json::object extensions_;
  bool streaming_ = false;  ///< the source stream is open: the deadline no longer counts
  std::optional<boost::json::object> variables_without_defaults_;
};

}  // namespace errand::graphql::execution
