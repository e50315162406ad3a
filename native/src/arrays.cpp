#include "arrays.hpp"

#include <nanobind/ndarray.h>

#include <cstring>
#include <utility>

namespace gruvy {
namespace {

// DLPack's own structures, version 1.3, as far as they are read here (dlpack.h, Apache-2.0).
struct Exchange {
    uint32_t major, minor;
    Exchange *previous;
    void *allocate, *managed_from_object, *managed_to_object;
    int (*tensor_from_object)(void *object, nb::dlpack::dltensor *out);  // borrows; may be null
    void *stream;
};

const Exchange *find_exchange(PyTypeObject *type) {
    nb::object table = nb::getattr(nb::handle((PyObject *)type), "__dlpack_c_exchange_api__", nb::object());
    if (!table.is_valid() || !PyCapsule_IsValid(table.ptr(), "dlpack_exchange_api")) return nullptr;
    auto *e = static_cast<Exchange *>(PyCapsule_GetPointer(table.ptr(), "dlpack_exchange_api"));
    while (e && e->major > 1) e = e->previous;
    return e && e->major == 1 && e->tensor_from_object ? e : nullptr;
}

// What a type of tensors offers: DLPack's table and torch's `is_neg`, each or null.
struct Offer {
    PyTypeObject *type;
    const Exchange *exchange;
    PyObject *is_neg;  // lives as long as the type
};

Offer offer_of(nb::handle object) {
    static thread_local Offer last = {};
    PyTypeObject *type = Py_TYPE(object.ptr());
    if (type != last.type) {
        nb::object is_neg = nb::getattr(nb::handle((PyObject *)type), "is_neg", nb::object());
        Py_INCREF((PyObject *)type);
        Py_XDECREF((PyObject *)last.type);
        last = {type, find_exchange(type), is_neg.ptr()};
    }
    return last;
}

// A tensor that torch has negated on paper alone: its memory has the other sign.
bool negated(nb::handle object) {
    PyObject *is_neg = offer_of(object).is_neg, *tensor = object.ptr();
    if (!is_neg) return false;
    nb::object answer = nb::steal(PyObject_Vectorcall(is_neg, &tensor, 1, nullptr));
    if (!answer.is_valid()) throw nb::python_error();
    return answer.ptr() == Py_True;
}

Kind kind_of(nb::dlpack::dtype t) {
    if (t.lanes != 1) return Kind::other;
    if (t.code == uint8_t(nb::dlpack::dtype_code::Float)) {
        return t.bits == 32 ? Kind::float32 : t.bits == 64 ? Kind::float64 : Kind::other;
    }
    if (t.code == uint8_t(nb::dlpack::dtype_code::Int) && t.bits == 64) return Kind::int64;
    if (t.code == uint8_t(nb::dlpack::dtype_code::Bool) && t.bits == 8) return Kind::boolean;
    return Kind::other;
}

Kind kind_of(const char *format, Py_ssize_t item) {
    if (*format == '=' || *format == '@' || *format == '<') format++;
    if (format[0] == 0 || format[1] != 0) return Kind::other;
    switch (format[0]) {
    case 'f': return Kind::float32;
    case 'd': return Kind::float64;
    case '?': return Kind::boolean;
    case 'b': return Kind::int8;
    case 'H': return Kind::uint16;
    case 'l':
    case 'q': return item == 8 ? Kind::int64 : Kind::other;
    default: return Kind::other;
    }
}

int64_t size_of(nb::dlpack::dtype t) {
    int64_t bytes = int64_t(t.bits) * t.lanes / 8;
    return bytes > 0 ? bytes : 1;
}

constexpr const char *unaligned = "expected aligned memory";

std::string text(const Index *sizes, int n) {
    std::string s = "(";
    for (int i = 0; i < n; i++) s += (i ? ", " : "") + std::to_string(sizes[i]);
    return s + (n == 1 ? ",)" : ")");
}

std::string too_many(const char *name, int axes) {
    return std::string(name) + ": " + std::to_string(axes) + " axes, expected 4 at most";
}

}  // namespace

const char *kind_name(Kind kind) {
    switch (kind) {
    case Kind::float32: return "float32";
    case Kind::float64: return "float64";
    case Kind::int64: return "int64";
    case Kind::boolean: return "bool";
    case Kind::int8: return "int8";
    case Kind::uint16: return "uint16";
    default: return "another";
    }
}

Array::Array(const char *n, nb::handle object, bool writable) : name(n) {
    if (object.is_none()) return;
    there = true;
    if (PyObject_CheckBuffer(object.ptr()))
        from_buffer(object, writable);
    else
        from_tensor(object, writable);
}

Array::~Array() {
    if (buffer.obj) PyBuffer_Release(&buffer);
}

void Array::from_buffer(nb::handle object, bool writable) {
    if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0))) {
        PyErr_Clear();
        throw InputTypeError(std::string(name) + ": expected an array" + (writable ? " that may be written to" : ""));
    }
    data = buffer.buf, axes = buffer.ndim;
    what = kind_of(buffer.format, buffer.itemsize);
    if (axes > most) throw InputError(too_many(name, axes));
    item = buffer.itemsize > 0 ? buffer.itemsize : 1;
    const char *why = nullptr;
    for (int i = 0; i < axes; i++) {
        sizes[i] = buffer.shape[i], strides[i] = buffer.strides[i] / item;
        if (sizes[i] > 1 && buffer.strides[i] % item) why = unaligned;
    }
    if (!why) why = unfit();
    if (why) throw InputError(std::string(name) + ": " + why);
}

void Array::from_tensor(nb::handle object, bool writable) {
    borrow(object);
    const char *why = negated(object) ? "a tensor that is negated lazily, expected plain memory" : unfit();
    if (!why) return;
    if (writable || !nb::hasattr(object, "clone")) throw InputError(std::string(name) + ": " + why);
    nb::object copy = object.attr("clone")();
    borrow(copy);
    if (negated(copy) || unfit()) throw InputError(std::string(name) + ": " + why);
    if (!owner.is_valid()) owner = std::move(copy);
}

void Array::borrow(nb::handle object) {
    owner.reset();
    if (!from_exchange(object)) from_dlpack(object);
}

bool Array::from_exchange(nb::handle object) {
    const Exchange *exchange = offer_of(object).exchange;
    if (!exchange) return false;
    nb::dlpack::dltensor t;
    bool fails = exchange->tensor_from_object(object.ptr(), &t);
    if (fails) PyErr_Clear();
    if (fails || t.device.device_type != nb::device::cpu::value) {
        throw InputTypeError(std::string(name) + ": expected memory of the CPU");
    }
    if (t.ndim > most) throw InputError(too_many(name, t.ndim));
    data = static_cast<char *>(t.data) + t.byte_offset;
    axes = t.ndim, what = kind_of(t.dtype), item = size_of(t.dtype);
    Index dense = 1;
    for (int i = axes - 1; i >= 0; dense *= t.shape[i], i--) {
        sizes[i] = t.shape[i], strides[i] = t.strides ? t.strides[i] : dense;
    }
    return true;
}

void Array::from_dlpack(nb::handle object) {
    nb::ndarray<nb::ro, nb::device::cpu> a;
    if (!nb::try_cast(object, a)) {
        throw InputTypeError(std::string(name) + ": " + nb::type_name(object.type()).c_str() +
                             ", expected a NumPy array or a torch tensor of the CPU");
    }
    if (a.ndim() > most) throw InputError(too_many(name, int(a.ndim())));
    owner = nb::cast(a);
    data = const_cast<void *>(a.data());
    axes = int(a.ndim()), what = kind_of(a.dtype()), item = size_of(a.dtype());
    for (int i = 0; i < axes; i++) sizes[i] = Index(a.shape(i)), strides[i] = a.stride(i);
}

bool Array::empty() const {
    for (int i = 0; i < axes; i++)
        if (sizes[i] == 0) return true;
    return false;
}

// Why the memory cannot be read as it lies, or null.
const char *Array::unfit() const {
    if (empty()) return nullptr;
    if (!data) return "a tensor without memory, expected plain memory";
    return reinterpret_cast<std::uintptr_t>(data) % item ? unaligned : nullptr;
}

void Array::expect(const char *letters, std::initializer_list<Index> shape) const {
    if (!there) return;
    bool same = axes == int(shape.size());
    for (int i = 0; same && i < axes; i++) same = sizes[i] == shape.begin()[i];
    if (!same) {
        throw InputError(std::string(name) + ": shape " + text(sizes, axes) + ", expected " + letters + " = " +
                         text(shape.begin(), int(shape.size())));
    }
}

void Array::expect(Kind expected) const {
    if (there && what != expected) {
        throw InputTypeError(std::string(name) + ": dtype " + kind_name(what) + ", expected " + kind_name(expected));
    }
}

void Array::expect_dense(int from) const {
    if (!there || empty()) return;
    Index dense = 1;
    for (int i = axes - 1; i >= from; i--) {
        if (sizes[i] != 1 && strides[i] != dense) {  // NOLINT(clang-analyzer-security.ArrayBound): axes <= most
            throw InputError(std::string(name) + ": expected " +
                             (from ? "unit strides after the first two axes" : "contiguous memory"));
        }
        dense *= sizes[i];
    }
}

}  // namespace gruvy
