// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <nvrtc.h>

#include <cstdlib>
#include <cstring>
#include <system_error>

#include "compiler.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::cuda {
namespace {

/// The library's functions, found by name.
struct Library {
  decltype(&nvrtcVersion) version;
  decltype(&nvrtcCreateProgram) create_program;
  decltype(&nvrtcDestroyProgram) destroy_program;
  decltype(&nvrtcCompileProgram) compile_program;
  decltype(&nvrtcGetProgramLogSize) log_size;
  decltype(&nvrtcGetProgramLog) log;
  decltype(&nvrtcGetCUBINSize) cubin_size;
  decltype(&nvrtcGetCUBIN) cubin;
  decltype(&nvrtcGetPTXSize) ptx_size;
  decltype(&nvrtcGetPTX) ptx;
  decltype(&nvrtcGetErrorString) error_string;

  Library() {
    const std::string own = "libnvrtc.so." + std::to_string(cuda_major);
    void* handle = nullptr;
    std::string reasons;
    for (const std::string& name :
         {own, std::string("/usr/local/cuda/lib64/") + own, std::string("libnvrtc.so")}) {
      handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle != nullptr) break;
      const char* const reason = dlerror();
      if (reason != nullptr) reasons += std::string("\n  ") + reason;
    }
    if (handle == nullptr)
      throw EnvironmentError(
          "NVRTC, NVIDIA's run-time compiler, was not found; add its folder to LD_LIBRARY_PATH:" +
          reasons);
    load(handle, "nvrtcVersion", version);
    load(handle, "nvrtcCreateProgram", create_program);
    load(handle, "nvrtcDestroyProgram", destroy_program);
    load(handle, "nvrtcCompileProgram", compile_program);
    load(handle, "nvrtcGetProgramLogSize", log_size);
    load(handle, "nvrtcGetProgramLog", log);
    load(handle, "nvrtcGetCUBINSize", cubin_size);
    load(handle, "nvrtcGetCUBIN", cubin);
    load(handle, "nvrtcGetPTXSize", ptx_size);
    load(handle, "nvrtcGetPTX", ptx);
    load(handle, "nvrtcGetErrorString", error_string);
  }

 private:
  static constexpr int cuda_major = FLASHRNN_CUDA_MAJOR;

  template <class Function>
  static void load(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (function == nullptr)
      throw EnvironmentError(std::string("NVRTC: the library lacks ") + name);
  }
};

class Nvrtc final : public Compiler {
 public:
  std::string identity() const override {
    int major = 0, minor = 0;
    check(library().version(&major, &minor), "nvrtcVersion");
    return "nvrtc " + std::to_string(major) + "." + std::to_string(minor);
  }

  std::filesystem::path file() const override {
    Dl_info found{};
    // Of any function that is in it.
    if (dladdr(reinterpret_cast<const void*>(library().version), &found) == 0) return {};
    std::error_code error;
    return std::filesystem::canonical(found.dli_fname, error);  // empty on errors
  }

  Compiled compile(const std::string& program,
                   const std::vector<std::string>& options) const override {
    nvrtcProgram handle = nullptr;
    check(library().create_program(&handle, program.c_str(), "program.cu", 0, nullptr, nullptr),
          "nvrtcCreateProgram");
    std::vector<const char*> arguments;
    for (const std::string& option : options) arguments.push_back(option.c_str());
    Compiled out;
    const nvrtcResult result =
        library().compile_program(handle, static_cast<int>(arguments.size()), arguments.data());
    out.succeeded = result == NVRTC_SUCCESS;
    std::size_t size = 0;
    if (library().log_size(handle, &size) == NVRTC_SUCCESS && size > 1) {
      out.log.resize(size);
      library().log(handle, out.log.data());
      out.log.pop_back();  // the terminating null
    }
    if (out.succeeded) {
      check(library().cubin_size(handle, &size), "nvrtcGetCUBINSize");
      out.cubin.resize(size);
      check(library().cubin(handle, out.cubin.data()), "nvrtcGetCUBIN");
      check(library().ptx_size(handle, &size), "nvrtcGetPTXSize");
      out.ptx.resize(size);
      check(library().ptx(handle, out.ptx.data()), "nvrtcGetPTX");
      out.ptx.resize(std::strlen(out.ptx.c_str()));  // without the terminating null
    } else if (out.log.empty()) {
      out.log = library().error_string(result);
    }
    library().destroy_program(&handle);
    return out;
  }

 private:
  static const Library& library() {
    static const Library loaded;  // throws again at the next use if it failed
    return loaded;
  }
  static void check(nvrtcResult result, const char* call) {
    if (result != NVRTC_SUCCESS)
      throw EnvironmentError(std::string("NVRTC: ") + call +
                             " failed: " + library().error_string(result));
  }
};

}  // namespace

const Compiler& nvrtc() {
  static const Nvrtc compiler;
  return compiler;
}

std::vector<std::string> compile_options(std::string_view architecture) {
  std::vector<std::string> options = {"--gpu-architecture=" + std::string(architecture),
                                      "--std=c++20",
                                      "--device-as-default-execution-space",
                                      "--generate-line-info",
                                      "--ftz=true",
                                      "--prec-div=false",
                                      "--prec-sqrt=false",
                                      "--ptxas-options=-v"};
  // See prepare_meeting in kernels/shared_memory.cuh.
  if (std::getenv("FLASHRNN_CUDA_RACECHECK") != nullptr)
    options.emplace_back("--define-macro=FLASHRNN_RACECHECK");
  return options;
}

}  // namespace flashrnn::cuda
