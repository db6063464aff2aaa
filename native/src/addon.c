#define _GNU_SOURCE
/* The addon's entry, and the helpers that its parts share. */
#include "addon.h"

#include <stdio.h>
#include <string.h>

void export_function(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok)
    napi_set_named_property(env, exports, name, value);
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  size_t found = count;
  if (napi_get_cb_info(env, info, &found, arguments, NULL, NULL) == napi_ok && found >= count) return true;
  napi_throw_type_error(env, NULL, "too few arguments");
  return false;
}

static bool refuse(napi_env env, const char *what, const char *expected) {
  char message[160];
  snprintf(message, sizeof message, "%s: expected %s", what, expected);
  napi_throw_type_error(env, NULL, message);
  return false;
}

bool get_int32(napi_env env, napi_value value, const char *what, int32_t *result) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || number < INT32_MIN || number > INT32_MAX ||
      number != (int32_t)number)
    return refuse(env, what, "a 32-bit integer");
  *result = (int32_t)number;
  return true;
}

bool get_uint32(napi_env env, napi_value value, const char *what, uint32_t *result) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || number < 0 || number > UINT32_MAX ||
      number != (uint32_t)number)
    return refuse(env, what, "an unsigned 32-bit integer");
  *result = (uint32_t)number;
  return true;
}

bool get_text(napi_env env, napi_value value, const char *what, char *result, size_t size) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return refuse(env, what, "a string");
  if (length >= size) return refuse(env, what, "a shorter string");
  return napi_get_value_string_utf8(env, value, result, size, &length) == napi_ok;
}

static const size_t ELEMENT_BYTES[] = {
    [napi_int8_array] = 1,    [napi_uint8_array] = 1,   [napi_uint8_clamped_array] = 1, [napi_int16_array] = 2,
    [napi_uint16_array] = 2,  [napi_int32_array] = 4,   [napi_uint32_array] = 4,        [napi_float32_array] = 4,
    [napi_float64_array] = 8, [napi_bigint64_array] = 8, [napi_biguint64_array] = 8,
};

/* Where an array without elements lies, for which V8 has no address: functions of C want one. */
static const int64_t nowhere = 0;

bool get_bytes(napi_env env, napi_value value, const char *what, bytes_t *result) {
  napi_typedarray_type type;
  size_t length;
  void *data;
  bool is_array = false;
  if (find_pinned_bytes(env, value, result)) return true;
  napi_is_typedarray(env, value, &is_array);
  if (!is_array || napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok ||
      (size_t)type >= sizeof ELEMENT_BYTES / sizeof *ELEMENT_BYTES)
    return refuse(env, what, "a typed array");
  *result = (bytes_t){length ? data : (void *)&nowhere, length * ELEMENT_BYTES[type]};
  return true;
}

bool get_words(napi_env env, napi_value value, const char *what, words_t *result) {
  napi_typedarray_type type;
  size_t length;
  void *data;
  bool is_array = false;
  if (find_pinned_words(env, value, result)) return true;
  napi_is_typedarray(env, value, &is_array);
  if (!is_array || napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_int32_array)
    return refuse(env, what, "an Int32Array");
  *result = (words_t){length ? data : (void *)&nowhere, length};
  return true;
}

napi_value make_int32(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

static const char *name_of(int error) {
  const char *name = strerrorname_np(error);
  return name ? name : "EUNKNOWN";
}

napi_value throw_errno(napi_env env, const char *call, const char *detail, int error) {
  char text[256];
  napi_value message, code, object, number, syscall;
  snprintf(text, sizeof text, "%s%s%s: %s", call, detail ? " " : "", detail ? detail : "", strerror(error));
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_string_utf8(env, name_of(error), NAPI_AUTO_LENGTH, &code);
  if (napi_create_error(env, code, message, &object) != napi_ok) return NULL;
  napi_create_int32(env, error, &number);
  napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &syscall);
  napi_set_named_property(env, object, "errno", number);
  napi_set_named_property(env, object, "syscall", syscall);
  napi_throw(env, object);
  return NULL;
}

napi_value throw_range(napi_env env, const char *message) {
  napi_throw_range_error(env, NULL, message);
  return NULL;
}

NAPI_MODULE_INIT() {
  init_pins(env, exports);
  init_sockets(env, exports);
  init_batches(env, exports);
  init_wait(env, exports);
  init_tun(env, exports);
  init_xdp(env, exports);
  init_system(env, exports);
  return exports;
}
