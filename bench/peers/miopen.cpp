// SPDX-License-Identifier: Apache-2.0
#include <miopen/miopen.h>
#include <miopen/version.h>

#include <algorithm>
#include <vector>

#include "rnn_head.hpp"

namespace flashrnn::bench {
namespace {

void check(miopenStatus_t status, const char* call) {
  if (status != miopenStatusSuccess)
    throw EnvironmentError(std::string("MIOpen: ") + call +
                           " failed: " + miopenGetErrorString(status));
}
using bench::check;

using Miopen = Owned<miopenHandle_t, miopenCreate, miopenDestroy>;
using Rnn = Owned<miopenRNNDescriptor_t, miopenCreateRNNDescriptor, miopenDestroyRNNDescriptor>;
using Sequence = Owned<miopenSeqTensorDescriptor_t, miopenCreateSeqTensorDescriptor,
                       miopenDestroySeqTensorDescriptor>;
using TensorOf =
    Owned<miopenTensorDescriptor_t, miopenCreateTensorDescriptor, miopenDestroyTensorDescriptor>;

std::optional<miopenDataType_t> type_of(DataType type) {
  switch (type) {
    case DataType::float32:
      return miopenFloat;
    case DataType::float16:
      return miopenHalf;
    default:  // the library calls its bfloat16 partially supported
      return std::nullopt;
  }
}

void set_shape(const TensorOf& tensor, miopenDataType_t type, std::vector<int> sizes) {
  std::vector<int> strides(sizes.size(), 1);
  for (std::size_t n = sizes.size() - 1; n > 0; --n) strides[n - 1] = strides[n] * sizes[n];
  check(miopenSetTensorDescriptor(tensor.get(), type, static_cast<int>(sizes.size()), sizes.data(),
                                  strides.data()),
        "miopenSetTensorDescriptor");
}

/// One head: an RNN of one layer.
class Head : public RnnHead {
 public:
  Head(miopenRNNMode_t mode, int gates, const Shape& s, DataType type, miopenDataType_t own_type,
       BlasType blas_type, MatmulPrecision precision)
      : RnnHead(s, gates, type, {blas_type, precision}) {
    const auto steps = static_cast<int>(s.steps), batch = static_cast<int>(s.batch),
               dim = static_cast<int>(s.head_dim);
    check(miopenSetStream(miopen_.get(), stream().get()), "miopenSetStream");
    check(miopenSetRNNDescriptor(rnn_.get(), dim, 1, miopenRNNlinear, miopenRNNunidirection, mode,
                                 miopenRNNwithBias, miopenRNNdefault, own_type),
          "miopenSetRNNDescriptor");
    check(miopenSetRNNPaddingMode(rnn_.get(), miopenRNNIONotPadded), "miopenSetRNNPaddingMode");
    const std::vector<int> lengths(static_cast<std::size_t>(batch), steps);
    for (const Sequence* const one : {&input_, &output_})
      check(
          miopenSetRNNDataSeqTensorDescriptor(one->get(), own_type, miopenRNNDataSeqMajorNotPadded,
                                              steps, batch, dim, lengths.data(), nullptr),
          "miopenSetRNNDataSeqTensorDescriptor");
    set_shape(state_, own_type, {1, batch, dim});
    const TensorOf one_step;
    set_shape(one_step, own_type, {batch, dim});
    check(
        miopenGetRNNParamsSize(miopen_.get(), rnn_.get(), one_step.get(), &weight_bytes_, own_type),
        "miopenGetRNNParamsSize");
    for (const auto mode_of : {miopenRNNInference, miopenRNNTraining}) {
      std::size_t work = 0, reserve = 0;
      check(miopenGetRNNTempSpaceSizes(miopen_.get(), rnn_.get(), input_.get(), mode_of, &work,
                                       &reserve),
            "miopenGetRNNTempSpaceSizes");
      work_bytes_ = std::max(work_bytes_, work);
      reserve_bytes_ = std::max(reserve_bytes_, reserve);
    }
    weights_ = std::make_unique<DeviceMemory>(weight_bytes_);
    weight_gradient_ = std::make_unique<DeviceMemory>(weight_bytes_, 0);
    work_ = std::make_unique<DeviceMemory>(work_bytes_, 0);
    reserve_ = std::make_unique<DeviceMemory>(reserve_bytes_, 0);
  }

  void forward(bool training) {
    check(miopenRNNForward(
              miopen_.get(), rnn_.get(), training ? miopenRNNTraining : miopenRNNInference,
              input_.get(), x(), state_.get(), nullptr, nullptr, state_.get(), nullptr, nullptr,
              output_.get(), y(), weights_->data(), weight_bytes_, work_->data(), work_bytes_,
              training ? reserve_->data() : nullptr, training ? reserve_bytes_ : 0),
          "miopenRNNForward");
  }
  /// The gradient of the weights reads what that of the data left in the workspace.
  void backward() {
    check(
        miopenRNNBackwardSeqData(miopen_.get(), rnn_.get(), output_.get(), y(), dy(), state_.get(),
                                 nullptr, nullptr, nullptr, state_.get(), nullptr, nullptr, nullptr,
                                 input_.get(), dx(), weights_->data(), weight_bytes_, work_->data(),
                                 work_bytes_, reserve_->data(), reserve_bytes_),
        "miopenRNNBackwardSeqData");
    check(miopenRNNBackwardWeightsSeqTensor(miopen_.get(), rnn_.get(), input_.get(), x(),
                                            state_.get(), nullptr, output_.get(), y(),
                                            weight_gradient_->data(), weight_bytes_, work_->data(),
                                            work_bytes_, reserve_->data(), reserve_bytes_),
          "miopenRNNBackwardWeightsSeqTensor");
  }

 private:
  Miopen miopen_;
  Rnn rnn_;
  Sequence input_, output_;
  TensorOf state_;
  std::size_t weight_bytes_ = 0, work_bytes_ = 0, reserve_bytes_ = 0;
  std::unique_ptr<DeviceMemory> weights_, weight_gradient_, work_, reserve_;
};

}  // namespace

std::optional<Peer> vendor_rnn(const std::string& cell, const Shape& shape, DataType type,
                               MatmulPrecision precision) {
  const auto own_type = type_of(type);
  const auto blas = blas_type_of(type);
  const bool lstm = cell == "lstm";
  if (!own_type || !blas || (!lstm && cell != "gru")) return std::nullopt;
  std::vector<std::unique_ptr<Head>> heads;
  for (Index n = 0; n < shape.heads; ++n)
    heads.push_back(std::make_unique<Head>(lstm ? miopenLSTM : miopenGRU, lstm ? 4 : 3, shape, type,
                                           *own_type, *blas, precision));
  return peer_of_heads("MIOpen " + std::to_string(MIOPEN_VERSION_MAJOR) + '.' +
                           std::to_string(MIOPEN_VERSION_MINOR) + '.' +
                           std::to_string(MIOPEN_VERSION_PATCH),
                       std::move(heads));
}

}  // namespace flashrnn::bench
