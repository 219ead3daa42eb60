// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#ifdef FLASHRNN_BENCH_CUDNN
#include <cublas_v2.h>
#include <cudnn.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "cuda_memory.hpp"

namespace flashrnn::bench {
namespace {

using bench::check;

void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw EnvironmentError(std::string("cuDNN: ") + call +
                           " failed: " + cudnnGetErrorString(status));
}
void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw EnvironmentError(std::string("cuBLAS: ") + call +
                           " failed: " + cublasGetStatusString(status));
}

/// A handle or descriptor of cuDNN or cuBLAS that is destroyed at the end.
template <class T, auto create, auto destroy>
class Owned {
 public:
  Owned() { check(create(&object_), "create"); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { destroy(object_); }
  T get() const { return object_; }

 private:
  T object_{};
};
using Cudnn = Owned<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using Cublas = Owned<cublasHandle_t, cublasCreate_v2, cublasDestroy_v2>;
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
  cudaDataType_t blas;
};

std::optional<Types> types_of(DataType type) {
  switch (type) {
    case DataType::float32:  // no TF32, as ours
      return Types{CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, CUDNN_FMA_MATH, CUDA_R_32F};
    case DataType::float16:
      return Types{CUDNN_DATA_HALF, CUDNN_DATA_FLOAT, CUDNN_TENSOR_OP_MATH, CUDA_R_16F};
    case DataType::bfloat16:
      return Types{CUDNN_DATA_BFLOAT16, CUDNN_DATA_FLOAT, CUDNN_TENSOR_OP_MATH, CUDA_R_16BF};
    default:
      return std::nullopt;
  }
}

/// One head: an RNN of one layer, with memory and a stream of its own, so that heads may overlap.
class Head {
 public:
  Head(cudnnRNNMode_t mode, int gates, const Shape& s, DataType type, Types types)
      : gates_(gates),
        rows_(s.steps * s.batch),
        dim_(s.head_dim),
        types_(types),
        lengths_(static_cast<std::size_t>(s.batch), static_cast<int>(s.steps)),
        device_lengths_(lengths_.size() * sizeof(int)),
        x_(bytes(s.steps * s.batch * dim_, type)),
        y_(bytes(s.steps * s.batch * dim_, type)),
        dx_(bytes(s.steps * s.batch * dim_, type)),
        dy_(bytes(s.steps * s.batch * dim_, type)),
        gate_rows_(bytes(rows_ * gates * dim_, type)),
        W_(bytes(gates * dim_ * dim_, type)),
        dW_(bytes(gates * dim_ * dim_, type)) {
    const auto size = [](Index n) { return static_cast<int>(n); };
    check(cudnnSetStream(cudnn_.get(), stream_.get()), "cudnnSetStream");
    check(cublasSetStream(cublas_.get(), stream_.get()), "cublasSetStream");
    check(cudaMemcpy(device_lengths_.data(), lengths_.data(), lengths_.size() * sizeof(int),
                     cudaMemcpyHostToDevice),
          "cudaMemcpy");
    check(cudnnSetDropoutDescriptor(dropout_.get(), cudnn_.get(), 0, nullptr, 0, 0),
          "cudnnSetDropoutDescriptor");
    check(cudnnSetRNNDescriptor_v8(rnn_.get(), CUDNN_RNN_ALGO_STANDARD, mode, CUDNN_RNN_DOUBLE_BIAS,
                                   CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, types.data, types.math,
                                   types.mode, size(dim_), size(dim_), size(dim_), 1,
                                   dropout_.get(), CUDNN_RNN_PADDED_IO_DISABLED),
          "cudnnSetRNNDescriptor_v8");
    for (const RnnData* const one : {&input_, &output_})
      check(cudnnSetRNNDataDescriptor(one->get(), types.data,
                                      CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, size(s.steps),
                                      size(s.batch), size(dim_), lengths_.data(), nullptr),
            "cudnnSetRNNDataDescriptor");
    const int dims[3] = {1, size(s.batch), size(dim_)};
    const int strides[3] = {size(s.batch * dim_), size(dim_), 1};
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

  void forward(cudnnForwardMode_t mode) {
    const bool training = mode == CUDNN_FWD_MODE_TRAINING;
    check(cudnnRNNForward(cudnn_.get(), rnn_.get(), mode, lengths(), input_.get(), x_.data(),
                          output_.get(), y_.data(), state_.get(), nullptr, nullptr, state_.get(),
                          nullptr, nullptr, weight_bytes_, weights_->data(), work_bytes_,
                          work_->data(), training ? reserve_bytes_ : 0,
                          training ? reserve_->data() : nullptr),
          "cudnnRNNForward");
  }
  void backward() {
    check(cudnnRNNBackwardData_v8(cudnn_.get(), rnn_.get(), lengths(), output_.get(), y_.data(),
                                  dy_.data(), input_.get(), dx_.data(), state_.get(), nullptr,
                                  nullptr, nullptr, state_.get(), nullptr, nullptr, nullptr,
                                  weight_bytes_, weights_->data(), work_bytes_, work_->data(),
                                  reserve_bytes_, reserve_->data()),
          "cudnnRNNBackwardData_v8");
    check(cudnnRNNBackwardWeights_v8(cudnn_.get(), rnn_.get(), CUDNN_WGRAD_MODE_ADD, lengths(),
                                     input_.get(), x_.data(), state_.get(), nullptr, output_.get(),
                                     y_.data(), weight_bytes_, weight_gradient_->data(),
                                     work_bytes_, work_->data(), reserve_bytes_, reserve_->data()),
          "cudnnRNNBackwardWeights_v8");
  }
  /// gates [rows, G·D] = x [rows, D] · W [D, G·D], row-major.
  void project() {
    multiply(CUBLAS_OP_N, CUBLAS_OP_N, gates_ * dim_, rows_, dim_, W_, gates_ * dim_, x_, dim_,
             gate_rows_, gates_ * dim_);
  }
  /// dx = dgates · W^T and dW = x^T · dgates.
  void project_backward() {
    multiply(CUBLAS_OP_T, CUBLAS_OP_N, dim_, rows_, gates_ * dim_, W_, gates_ * dim_, gate_rows_,
             gates_ * dim_, dx_, dim_);
    multiply(CUBLAS_OP_N, CUBLAS_OP_T, gates_ * dim_, dim_, rows_, gate_rows_, gates_ * dim_, x_,
             dim_, dW_, gates_ * dim_);
  }
  void wait() const { stream_.wait(); }

 private:
  static std::size_t bytes(Index count, DataType type) {
    return static_cast<std::size_t>(count) * size_of(type);
  }
  [[nodiscard]] const int* lengths() const {
    return static_cast<const int*>(device_lengths_.data());
  }
  void multiply(cublasOperation_t op_a, cublasOperation_t op_b, Index m, Index n, Index k,
                const DeviceMemory& a, Index lda, const DeviceMemory& b, Index ldb,
                const DeviceMemory& c, Index ldc) {
    const float one = 1, zero = 0;
    check(cublasGemmEx_64(cublas_.get(), op_a, op_b, m, n, k, &one, a.data(), types_.blas, lda,
                          b.data(), types_.blas, ldb, &zero, c.data(), types_.blas, ldc,
                          CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx");
  }

  Index gates_, rows_, dim_;
  Types types_;
  Stream stream_;
  Cudnn cudnn_;
  Cublas cublas_;
  Rnn rnn_;
  RnnData input_, output_;
  TensorOf state_;
  Dropout dropout_;
  std::vector<int> lengths_;
  DeviceMemory device_lengths_, x_, y_, dx_, dy_, gate_rows_, W_, dW_;
  std::size_t weight_bytes_ = 0, work_bytes_ = 0, reserve_bytes_ = 0;
  std::unique_ptr<DeviceMemory> weights_, weight_gradient_, work_, reserve_;
};

}  // namespace

std::optional<Peer> cudnn(const std::string& cell, const Shape& shape, DataType type) {
  const auto types = types_of(type);
  const bool lstm = cell == "lstm";
  if (!types || (!lstm && cell != "gru")) return std::nullopt;
  using Heads = std::vector<std::unique_ptr<Head>>;
  const auto heads = std::make_shared<Heads>();
  for (Index n = 0; n < shape.heads; ++n)
    heads->push_back(
        std::make_unique<Head>(lstm ? CUDNN_LSTM : CUDNN_GRU, lstm ? 4 : 3, shape, type, *types));
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");  // the filling of the tensors
  const auto all = [heads](const auto& body) -> Run {
    return [heads, body] {
      for (const auto& head : *heads) body(*head);
    };
  };
  Peer peer;
  peer.name = "cuDNN " + std::to_string(CUDNN_MAJOR) + '.' + std::to_string(CUDNN_MINOR) + '.' +
              std::to_string(CUDNN_PATCHLEVEL);
  peer.forward = all([](Head& head) { head.forward(CUDNN_FWD_MODE_INFERENCE); });
  peer.training = all([](Head& head) { head.forward(CUDNN_FWD_MODE_TRAINING); });
  peer.backward = all([](Head& head) { head.backward(); });
  peer.projection = all([](Head& head) { head.project(); });
  peer.projection_backward = all([](Head& head) { head.project_backward(); });
  peer.wait = all([](Head& head) { head.wait(); });
  return peer;
}

}  // namespace flashrnn::bench

#else

namespace flashrnn::bench {
std::optional<Peer> cudnn(const std::string&, const Shape&, DataType) {
  return std::nullopt;
}
}  // namespace flashrnn::bench

#endif
