#include "errand/api/backend.h"

#include <utility>

#include "errand/api/event_stream.h"
#include "errand/auth/job_credentials.h"
#include "errand/base/assert.h"
#include "errand/contract/event_types.h"
#include "errand/contract/rewrite_schema.h"

namespace errand::api {

using graphql::execution::FieldValue;
using graphql::execution::ObjectRef;
using graphql::type::NamedType;
using graphql::type::ObjectType;

Backend::Backend(runtime::LaneClient lane_client, const store::Reader& store_reader,
                 async::BlockingPool& pool, runtime::EventBus& event_bus,
                 std::shared_ptr<const contract::Contract> served_contract,
                 const crypto::MasterKey& master_key, const Clock& wall_clock,
                 Random& random_source, ApiOptions api_options)
    : lane(lane_client),
      reader(&store_reader),
      reads(pool),
      bus(event_bus),
      contract(std::move(served_contract)),
      clock(&wall_clock),
      random(&random_source),
      cursors(master_key.hmac_key("api-cursor.v1", api_options.lineage)),
      payload_key(master_key.hmac_key(crypto::kPayloadDigestLabel)),
      fingerprint_key(master_key.hmac_key("idempotency-fingerprint.v1")),
      input_key(master_key.hmac_key("input-key.v1")),
      credential_sealer(master_key, auth::kJobCredentialsLabel, random_source),
      options(api_options) {
  for (const std::string& name : contract::standard_type_names()) {
    const NamedType* named = schema().type(contract->names().type(name));
    const auto* object = named == nullptr ? nullptr : named->get_if<ObjectType>();
    if (object != nullptr) own_types_.emplace(name, object);
  }
  for (std::size_t i = 0; i < event_types_.size(); ++i) {
    const NamedType* named = schema().type(contract->names().type(contract::event_types()[i].name));
    if (named != nullptr) event_types_[i] = &named->as<ObjectType>();
  }
  for (const contract::JobType& type : contract->job_types()) {
    contract_texts.emplace(type.name.view(),
                           std::make_shared<const std::string>(type.contract_snapshot));
  }
}

const ObjectType* Backend::object_type(std::string_view name) const {
  const auto found = own_types_.find(std::string(name));
  ERRAND_ASSERT(found != own_types_.end());
  return found->second;
}

std::vector<std::string_view> Backend::typed_job_names() const {
  std::vector<std::string_view> names;
  for (const contract::JobType& type : contract->job_types()) names.push_back(type.object_name);
  return names;
}

FieldValue Backend::job_value(job::StatePtr state) const {
  if (state == nullptr) return {};
  const contract::JobType* type = contract->job_type(state->spec.type.view());
  if (type == nullptr) return {};
  const NamedType* named = schema().type(type->object_name);
  ERRAND_ASSERT(named != nullptr);
  return ObjectRef{&named->as<ObjectType>(), std::move(state)};
}

FieldValue Backend::event_value(std::shared_ptr<const EventView> event) const {
  const ObjectType* type = event_types_[event->event.data.index()];
  ERRAND_ASSERT(type != nullptr);
  return ObjectRef{type, std::move(event)};
}

}  // namespace errand::api
