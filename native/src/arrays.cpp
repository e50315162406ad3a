#include "arrays.hpp"

#include <nanobind/ndarray.h>

#include <cstring>

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
    case 'l':
    case 'q': return item == 8 ? Kind::int64 : Kind::other;
    default: return Kind::other;
    }
}

std::string text(const Index *sizes, int n) {
    std::string s = "(";
    for (int i = 0; i < n; i++) s += (i ? ", " : "") + std::to_string(sizes[i]);
    return s + (n == 1 ? ",)" : ")");
}

std::string too_many(const char *name, int axes) {
    return std::string(name) + ": " + std::to_string(axes) + " axes, wanted 4 at most";
}

}  // namespace

const char *kind_name(Kind kind) {
    switch (kind) {
    case Kind::float32: return "float32";
    case Kind::float64: return "float64";
    case Kind::int64: return "int64";
    case Kind::boolean: return "bool";
    default: return "another";
    }
}

Array::Array(const char *n, nb::handle object, bool writable) : name(n) {
    if (object.is_none()) return;
    there = true;
    if (PyObject_CheckBuffer(object.ptr()))
        from_buffer(object, writable);
    else if (!from_exchange(object))
        from_dlpack(object);
}

Array::~Array() {
    if (buffer.obj) PyBuffer_Release(&buffer);
}

void Array::from_buffer(nb::handle object, bool writable) {
    if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0))) {
        PyErr_Clear();
        throw InputTypeError(std::string(name) + ": wanted an array" + (writable ? " that may be written to" : ""));
    }
    data = buffer.buf, axes = buffer.ndim;
    what = kind_of(buffer.format, buffer.itemsize);
    if (axes > most) throw InputError(too_many(name, axes));
    for (int i = 0; i < axes; i++) sizes[i] = buffer.shape[i], strides[i] = buffer.strides[i];
    finish(buffer.itemsize);
}

bool Array::from_exchange(nb::handle object) {
    static PyTypeObject *known_type = nullptr;  // guarded by the GIL
    static const Exchange *known = nullptr;
    PyTypeObject *type = Py_TYPE(object.ptr());
    if (type != known_type) {
        const Exchange *found = find_exchange(type);
        if (!found) return false;
        Py_INCREF(type);
        Py_XDECREF(known_type);
        known_type = type, known = found;
    }
    nb::dlpack::dltensor t;
    bool fails = known->tensor_from_object(object.ptr(), &t);
    if (fails) PyErr_Clear();
    if (fails || t.device.device_type != nb::device::cpu::value) {
        throw InputTypeError(std::string(name) + ": wanted memory of the CPU");
    }
    if (t.ndim > most) throw InputError(too_many(name, t.ndim));
    data = static_cast<char *>(t.data) + t.byte_offset;
    axes = t.ndim, what = kind_of(t.dtype);
    for (int i = axes - 1, dense = 1; i >= 0; dense *= int(t.shape[i]), i--) {
        sizes[i] = t.shape[i], strides[i] = t.strides ? t.strides[i] : dense;
    }
    return true;
}

void Array::from_dlpack(nb::handle object) {
    nb::ndarray<nb::ro, nb::device::cpu> a;
    if (!nb::try_cast(object, a)) {
        throw InputTypeError(std::string(name) + ": " + nb::type_name(object.type()).c_str() +
                             ", wanted a NumPy array or a torch tensor of the CPU");
    }
    if (a.ndim() > most) throw InputError(too_many(name, int(a.ndim())));
    owner = nb::cast(a);
    data = const_cast<void *>(a.data());
    axes = int(a.ndim()), what = kind_of(a.dtype());
    for (int i = 0; i < axes; i++) sizes[i] = Index(a.shape(i)), strides[i] = a.stride(i);
}

// Strides from bytes to numbers.
void Array::finish(int64_t item) {
    bool aligned = item <= 0 || reinterpret_cast<std::uintptr_t>(data) % item == 0;
    for (int i = 0; i < axes && item > 0; i++) {
        if (sizes[i] > 1 && strides[i] % item) aligned = false;
        strides[i] /= item;
    }
    if (!aligned) throw InputError(std::string(name) + ": wanted aligned memory");
}

void Array::expect(const char *letters, std::initializer_list<Index> shape) const {
    if (!there) return;
    bool same = axes == int(shape.size());
    for (int i = 0; same && i < axes; i++) same = sizes[i] == shape.begin()[i];
    if (!same) {
        throw InputError(std::string(name) + ": shape " + text(sizes, axes) + ", wanted " + letters + " = " +
                         text(shape.begin(), int(shape.size())));
    }
}

void Array::expect(Kind wanted) const {
    if (there && what != wanted) {
        throw InputTypeError(std::string(name) + ": dtype " + kind_name(what) + ", wanted " + kind_name(wanted));
    }
}

void Array::expect_dense(int from) const {
    if (!there) return;
    Index dense = 1, numbers = 1;
    for (int i = 0; i < axes; i++) numbers *= sizes[i];
    if (numbers == 0) return;
    for (int i = axes - 1; i >= from; i--) {
        if (sizes[i] != 1 && strides[i] != dense) {
            throw InputError(std::string(name) + ": wanted " +
                             (from ? "unit strides after the first two axes" : "contiguous memory"));
        }
        dense *= sizes[i];
    }
}

}  // namespace gruvy
