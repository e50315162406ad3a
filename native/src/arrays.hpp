// Memory of NumPy arrays and torch tensors, as it lies, and what must be true of it.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

#include "engine.hpp"

namespace gruvy {

namespace nb = nanobind;

// Become gruvy.errors.InputError and InputTypeError.
struct InputError : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct InputTypeError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Kind : std::uint8_t { float32, float64, int64, boolean, int8, uint16, other };

// One array for the duration of a call: the address, sizes, and strides counted in numbers.
class Array {
  public:
    Array() = default;
    // Arrays with the buffer protocol (NumPy), with DLPack's exchange table on their type (torch) or with __dlpack__.
    // None gives an array that is not there. A torch tensor whose memory does not hold its numbers as they are (negated
    // lazily, zeros without memory, between the addresses of numbers) is copied if it is only read, else refused.
    Array(const char *name, nb::handle object, bool writable);
    ~Array();
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;

    explicit operator bool() const { return data != nullptr || there; }
    Index size(int axis) const { return sizes[axis]; }
    Index stride(int axis) const { return strides[axis]; }
    Kind kind() const { return what; }
    int dimensions() const { return axes; }

    // The shape must be this; `letters` names it in the error: "(T, B, I)".
    void expect(const char *letters, std::initializer_list<Index> shape) const;
    void expect(Kind expected) const;
    // Strides must be those of an array whose axes from `from` on lie one in the other without gaps.
    void expect_dense(int from = 0) const;

    template <class E> E *at() const { return static_cast<E *>(data); }
    template <class E> View<E> view() const { return there ? View<E>{at<E>(), strides[0], strides[1]} : View<E>{}; }
    const char *name = "";

  private:
    void from_buffer(nb::handle object, bool writable);
    void from_tensor(nb::handle object, bool writable);
    void borrow(nb::handle object);
    bool from_exchange(nb::handle object);
    void from_dlpack(nb::handle object);
    bool empty() const;
    const char *unfit() const;

    static constexpr int most = 4;
    void *data = nullptr;
    bool there = false;
    int axes = 0;
    Kind what = Kind::other;
    Index sizes[most] = {}, strides[most] = {};
    Py_buffer buffer = {};
    int64_t item = 0;  // bytes of a number
    nb::object owner;  // keeps memory alive that came through __dlpack__, or a copy
};

const char *kind_name(Kind kind);

}  // namespace gruvy
