#include "errand/crypto/p256.h"

#include <algorithm>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "errand/base/assert.h"

namespace errand::crypto {
namespace {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const noexcept {
    F(p);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using Group = std::unique_ptr<EC_GROUP, Free<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Free<EC_POINT_clear_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

constexpr const char* kGroup = "prime256v1";
constexpr std::size_t kCoordinate = 32;

/// The key of these parts; null where they are none. `secret` may be null.
Key make_key(std::span<const std::uint8_t> point, const BIGNUM* secret) {
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  ERRAND_ASSERT(builder);
  bool ok =
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kGroup, 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) == 1;
  if (secret != nullptr) {
    ok = ok && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1;
  }
  ERRAND_ASSERT(ok);
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  ERRAND_ASSERT(params && context);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key,
                        secret != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    return nullptr;
  }
  return Key(key);
}

/// Null where `bytes` are no point of the curve.
Key make_public_key(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != std::tuple_size_v<P256Key::PublicKey> || bytes.front() != 0x04) {
    return nullptr;
  }
  Key key = make_key(bytes, nullptr);
  if (!key) return nullptr;
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1) return nullptr;
  return key;
}

}  // namespace

std::optional<P256Key> P256Key::from_scalar(const Scalar& scalar) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Number secret(BN_secure_new());
  ERRAND_ASSERT(group && secret);
  const bool read =
      BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), secret.get()) != nullptr;
  ERRAND_ASSERT(read);
  BN_set_flags(secret.get(), BN_FLG_CONSTTIME);
  if (BN_is_zero(secret.get()) == 1 ||
      BN_cmp(secret.get(), EC_GROUP_get0_order(group.get())) >= 0) {
    return std::nullopt;
  }
  P256Key result;
  const Point point(EC_POINT_new(group.get()));
  ERRAND_ASSERT(point);
  const bool made =
      EC_POINT_mul(group.get(), point.get(), secret.get(), nullptr, nullptr, nullptr) == 1 &&
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                         result.public_key_.data(), result.public_key_.size(),
                         nullptr) == result.public_key_.size();
  ERRAND_ASSERT(made);
  Key key = make_key(result.public_key_, secret.get());
  ERRAND_ASSERT(key);
  result.key_ = std::shared_ptr<void>(
      key.release(), [](void* each) { EVP_PKEY_free(static_cast<EVP_PKEY*>(each)); });
  return result;
}

P256Key P256Key::generate(Random& random) {
  while (true) {
    Scalar scalar{};
    random.fill(scalar);
    auto key = from_scalar(scalar);  // all but one of 2^32 are below the order
    OPENSSL_cleanse(scalar.data(), scalar.size());
    if (key) return *std::move(key);
  }
}

std::optional<Digest> P256Key::agree(std::span<const std::uint8_t> peer) const {
  const Key other = make_public_key(peer);
  if (!other) return std::nullopt;
  const KeyContext context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, static_cast<EVP_PKEY*>(key_.get()), nullptr));
  Digest secret{};
  std::size_t size = secret.size();
  const bool done = context && EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                    EVP_PKEY_derive(context.get(), secret.data(), &size) == 1;
  ERRAND_ASSERT(done && size == secret.size());
  return secret;
}

P256Key::Signature P256Key::sign(std::span<const std::uint8_t> data) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::array<std::uint8_t, 80> der{};  // at most 72 bytes
  std::size_t size = der.size();
  const bool done = context &&
                    EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr,
                                          static_cast<EVP_PKEY*>(key_.get()), nullptr) == 1 &&
                    EVP_DigestSign(context.get(), der.data(), &size, data.data(), data.size()) == 1;
  ERRAND_ASSERT(done);
  const std::uint8_t* begin = der.data();
  const EcdsaSignature pair(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(size)));
  ERRAND_ASSERT(pair);
  Signature signature{};
  const bool written =
      BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), signature.data(), kCoordinate) == kCoordinate &&
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), signature.data() + kCoordinate, kCoordinate) ==
          kCoordinate;
  ERRAND_ASSERT(written);
  return signature;
}

bool P256Key::verify(const PublicKey& public_key, std::span<const std::uint8_t> data,
                     const Signature& signature) {
  const Key key = make_public_key(public_key);
  const EcdsaSignature pair(ECDSA_SIG_new());
  if (!key || !pair) return false;
  BIGNUM* r = BN_bin2bn(signature.data(), kCoordinate, nullptr);
  BIGNUM* s = BN_bin2bn(signature.data() + kCoordinate, kCoordinate, nullptr);
  const bool set = r != nullptr && s != nullptr && ECDSA_SIG_set0(pair.get(), r, s) == 1;
  ERRAND_ASSERT(set);
  std::array<std::uint8_t, 80> der{};
  std::uint8_t* end = der.data();
  const int size = i2d_ECDSA_SIG(pair.get(), &end);
  const DigestContext context(EVP_MD_CTX_new());
  return size > 0 && context &&
         EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key.get(),
                                 nullptr) == 1 &&
         EVP_DigestVerify(context.get(), der.data(), static_cast<std::size_t>(size), data.data(),
                          data.size()) == 1;
}

bool is_p256_public_key(std::span<const std::uint8_t> bytes) {
  return make_public_key(bytes) != nullptr;
}

}  // namespace errand::crypto
