#include "verify/receipt_checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

// Fills in all but the facts.
absl::Status ReadForm(const std::string& text, ReceiptReport* report,
                      v1::Leaf* leaf) {
  auto receipt = ParseLogReceipt(text);
  if (!receipt.ok()) return receipt.status();
  if (!leaf->ParseFromString(receipt->leaf)) {
    return absl::InvalidArgumentError(
        "receipt: its extra line is not the bytes of a gaceta.v1.Leaf");
  }
  auto header = ParseHeader(leaf->header());
  if (!header.ok()) return header.status();
  report->receipt = *std::move(receipt);
  report->header = *std::move(header);
  return absl::OkStatus();
}

// `hub.<federation>/log`, as long as nobody named it otherwise.
absl::StatusOr<std::string> FederationOfLog(absl::string_view origin) {
  if (absl::ConsumePrefix(&origin, "hub.") &&
      absl::ConsumeSuffix(&origin, "/log") && !origin.empty()) {
    return std::string(origin);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the log's name \"", origin,
      "\" does not say the federation's domain: it has to be given"));
}

}  // namespace

bool ReceiptReport::AllHold() const {
  return std::all_of(facts.begin(), facts.end(),
                     [](const CheckedFact& one) { return one.status.ok(); });
}

absl::StatusOr<ReceiptChecker> ReceiptChecker::Create(std::string root_pem,
                                                      LogPolicy policy,
                                                      std::string federation) {
  if (X509sFromPem(root_pem).empty()) {
    return absl::InvalidArgumentError(
        "the federation's root holds no certificate in PEM");
  }
  return ReceiptChecker(std::move(root_pem), std::move(policy),
                        std::move(federation));
}

ReceiptReport ReceiptChecker::Check(const ReceiptFiles& files) const {
  ReceiptReport report;
  v1::Leaf leaf;
  report.facts.push_back(
      {ReceiptFact::kForm, ReadForm(files.receipt, &report, &leaf)});
  if (!report.AllHold()) return report;

  CheckLog(&report);
  auto key = CheckSigner(report.header, leaf, files.signer_pem);
  report.facts.push_back({ReceiptFact::kSigner, key.status()});
  if (key.ok()) {
    report.facts.push_back(
        {ReceiptFact::kSignature,
         VerifyHeaderSignature(leaf.header(), leaf.signature(), *key)});
  }
  if (files.payload.has_value()) {
    report.facts.push_back(
        {ReceiptFact::kPayload, VerifyPayload(report.header, *files.payload)});
  }
  return report;
}

void ReceiptChecker::CheckLog(ReceiptReport* report) const {
  const auto add = [report](ReceiptFact fact, const absl::Status& status) {
    report->facts.push_back({fact, status});
  };
  auto opened = VerifyLogReceipt(report->receipt, policy_);
  const std::string reason = Reason(opened.status());
  const bool without_quorum = reason == "QUORUM_MISSING";
  const bool not_included = reason == "BAD_INCLUSION_PROOF";
  if (!opened.ok() && !without_quorum && !not_included) {
    add(ReceiptFact::kCheckpoint, opened.status());
    return;
  }
  // Its signatures hold: it opens again.
  report->checkpoint = policy_.Open(report->receipt.checkpoint).value();
  const std::string& origin = report->checkpoint.checkpoint.origin;
  if (origin != report->header.log_origin()) {
    add(ReceiptFact::kCheckpoint,
        WithReason(
            absl::DataLossError(absl::StrCat(
                "the statement is meant for log ", report->header.log_origin(),
                ", the checkpoint is that of ", origin)),
            "WRONG_LOG"));
    return;
  }
  add(ReceiptFact::kCheckpoint, absl::OkStatus());
  add(ReceiptFact::kQuorum,
      without_quorum ? opened.status() : absl::OkStatus());
  if (without_quorum) return;
  add(ReceiptFact::kInclusion, opened.status());
}

absl::StatusOr<PublicKey> ReceiptChecker::CheckSigner(
    const v1::StatementHeader& header, const v1::Leaf& leaf,
    absl::string_view signer_pem) const {
  const auto certificates = X509sFromPem(signer_pem);
  if (certificates.size() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the signer's file holds ", certificates.size(),
        " certificates in PEM, expected the signer's and its CA's"));
  }
  std::string domain = federation_;
  if (domain.empty()) {
    auto of_log = FederationOfLog(header.log_origin());
    if (!of_log.ok()) return of_log.status();
    domain = *std::move(of_log);
  }
  auto federation = Federation::Create(root_pem_, domain);
  if (!federation.ok()) return federation.status();
  const std::string signer = X509ToDer(certificates[0].get());
  if (absl::Status s = federation->CheckSigner(
          federation->UsualTrustDomain(header.publisher()), signer,
          X509ToDer(certificates[1].get()));
      !s.ok()) {
    return s;
  }
  auto key = PublicKey::FromCertificateDer(signer);
  if (!key.ok() || key->key_id() == leaf.key_id()) return key;
  return absl::UnauthenticatedError(
      absl::StrCat("the certificate's key is ", ToHex(key->key_id()),
                   ", the statement was signed with ", ToHex(leaf.key_id())));
}

}  // namespace gaceta
