// SPDX-License-Identifier: Apache-2.0
#include <cudnn.h>

#include <algorithm>
#include <vector>

#include "rnn_head.hpp"

namespace flashrnn::bench {
namespace {

void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw EnvironmentError(std::string("cuDNN: ") + call +
                           " failed: " + cudnnGetErrorString(status));
}
using bench::check;

using Cudnn = Owned<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using Rnn = Owned<cudnnRNNDescriptor_t, cudnnCreateRNNDescriptor, cudnnDestroyRNNDescriptor>;
using RnnData =
    Owned<cudnnRNNDataDescriptor_t, cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor>;
using TensorOf =
    Owned<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using Dropout =
    Owned<cudnnDropoutDescriptor_t, cudnnCreateDropoutDescriptor, cudnnDestroyDropoutDescriptor>;

struct Types {
  cudnnDataType_t data, math;
  cudnnMathType_t mode;
};

std::optional<Types> types_of(DataType type, MatmulPrecision precision) {
  switch (type) {
    case DataType::float32:  // the default mathematics may take TF32
      return Types{CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT,
                   precision == MatmulPrecision::high ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH};
    case DataType::float16:
      return Types{CUDNN_DATA_HALF, CUDNN_DATA_FLOAT, CUDNN_TENSOR_OP_MATH};
    case DataType::bfloat16:
      return Types{CUDNN_DATA_BFLOAT16, CUDNN_DATA_FLOAT, CUDNN_TENSOR_OP_MATH};
    default:
      return std::nullopt;
  }
}

/// One head: an RNN of one layer.
class Head : public RnnHead {
 public:
  Head(cudnnRNNMode_t mode, int gates, const Shape& s, DataType type, const Types& types,
       BlasType blas_type, MatmulPrecision precision)
      : RnnHead(s, gates, type, {blas_type, precision}),
        lengths_(static_cast<std::size_t>(s.batch), static_cast<int>(s.steps)),
        device_lengths_(lengths_.size() * sizeof(int)) {
    const auto size = [](Index n) { return static_cast<int>(n); };
    const Index dim = s.head_dim;
    check(cudnnSetStream(cudnn_.get(), stream().get()), "cudnnSetStream");
    check(cudaMemcpy(device_lengths_.data(), lengths_.data(), lengths_.size() * sizeof(int),
                     cudaMemcpyHostToDevice),
          "cudaMemcpy");
    check(cudnnSetDropoutDescriptor(dropout_.get(), cudnn_.get(), 0, nullptr, 0, 0),
          "cudnnSetDropoutDescriptor");
    check(cudnnSetRNNDescriptor_v8(rnn_.get(), CUDNN_RNN_ALGO_STANDARD, mode, CUDNN_RNN_DOUBLE_BIAS,
                                   CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, types.data, types.math,
                                   types.mode, size(dim), size(dim), size(dim), 1, dropout_.get(),
                                   CUDNN_RNN_PADDED_IO_DISABLED),
          "cudnnSetRNNDescriptor_v8");
    for (const RnnData* const one : {&input_, &output_})
      check(cudnnSetRNNDataDescriptor(one->get(), types.data,
                                      CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, size(s.steps),
                                      size(s.batch), size(dim), lengths_.data(), nullptr),
            "cudnnSetRNNDataDescriptor");
    const int dims[3] = {1, size(s.batch), size(dim)};
    const int strides[3] = {size(s.batch * dim), size(dim), 1};
    check(cudnnSetTensorNdDescriptor(state_.get(), types.data, 3, dims, strides),
          "cudnnSetTensorNdDescriptor");
    check(cudnnGetRNNWeightSpaceSize(cudnn_.get(), rnn_.get(), &weight_bytes_),
          "cudnnGetRNNWeightSpaceSize");
    for (const auto mode_of : {CUDNN_FWD_MODE_INFERENCE, CUDNN_FWD_MODE_TRAINING}) {
      std::size_t work = 0, reserve = 0;
      check(cudnnGetRNNTempSpaceSizes(cudnn_.get(), rnn_.get(), mode_of, input_.get(), &work,
                                      &reserve),
            "cudnnGetRNNTempSpaceSizes");
      work_bytes_ = std::max(work_bytes_, work);
      reserve_bytes_ = std::max(reserve_bytes_, reserve);
    }
    weights_ = std::make_unique<DeviceMemory>(weight_bytes_);
    weight_gradient_ = std::make_unique<DeviceMemory>(weight_bytes_, 0);
    work_ = std::make_unique<DeviceMemory>(work_bytes_, 0);
    reserve_ = std::make_unique<DeviceMemory>(reserve_bytes_, 0);
  }

  void forward(bool training) {
    check(cudnnRNNForward(cudnn_.get(), rnn_.get(),
                          training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, lengths(),
                          input_.get(), x(), output_.get(), y(), state_.get(), nullptr, nullptr,
                          state_.get(), nullptr, nullptr, weight_bytes_, weights_->data(),
                          work_bytes_, work_->data(), training ? reserve_bytes_ : 0,
                          training ? reserve_->data() : nullptr),
          "cudnnRNNForward");
  }
  void backward() {
    check(cudnnRNNBackwardData_v8(cudnn_.get(), rnn_.get(), lengths(), output_.get(), y(), dy(),
                                  input_.get(), dx(), state_.get(), nullptr, nullptr, nullptr,
                                  state_.get(), nullptr, nullptr, nullptr, weight_bytes_,
                                  weights_->data(), work_bytes_, work_->data(), reserve_bytes_,
                                  reserve_->data()),
          "cudnnRNNBackwardData_v8");
    check(cudnnRNNBackwardWeights_v8(cudnn_.get(), rnn_.get(), CUDNN_WGRAD_MODE_ADD, lengths(),
                                     input_.get(), x(), state_.get(), nullptr, output_.get(), y(),
                                     weight_bytes_, weight_gradient_->data(), work_bytes_,
                                     work_->data(), reserve_bytes_, reserve_->data()),
          "cudnnRNNBackwardWeights_v8");
  }

 private:
  [[nodiscard]] const int* lengths() const {
    return static_cast<const int*>(device_lengths_.data());
  }

  Cudnn cudnn_;
  Rnn rnn_;
  RnnData input_, output_;
  TensorOf state_;
  Dropout dropout_;
  std::vector<int> lengths_;
  DeviceMemory device_lengths_;
  std::size_t weight_bytes_ = 0, work_bytes_ = 0, reserve_bytes_ = 0;
  std::unique_ptr<DeviceMemory> weights_, weight_gradient_, work_, reserve_;
};

}  // namespace

std::optional<Peer> vendor_rnn(const std::string& cell, const Shape& shape, DataType type,
                               MatmulPrecision precision) {
  const auto types = types_of(type, precision);
  const auto blas = blas_type_of(type);
  const bool lstm = cell == "lstm";
  if (!types || !blas || (!lstm && cell != "gru")) return std::nullopt;
  std::vector<std::unique_ptr<Head>> heads;
  for (Index n = 0; n < shape.heads; ++n)
    heads.push_back(std::make_unique<Head>(lstm ? CUDNN_LSTM : CUDNN_GRU, lstm ? 4 : 3, shape, type,
                                           *types, *blas, precision));
  return peer_of_heads("cuDNN " + std::to_string(CUDNN_MAJOR) + '.' + std::to_string(CUDNN_MINOR) +
                           '.' + std::to_string(CUDNN_PATCHLEVEL),
                       std::move(heads));
}

}  // namespace flashrnn::bench
