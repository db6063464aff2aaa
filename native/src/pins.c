#define _GNU_SOURCE
/*
 * Pins: arrays that a thread hands over again and again, looked at once. What Node-API wants for finding out what a
 * typed array is and where it lies takes several times as long as a pin.
 *
 * A pin is a number: of a place in a table of the environment's, which holds the array as long as it lasts itself. The
 * garbage collection has no part in it: a worker's loop would never let it call back. Only shared memory is pinned:
 * nobody can detach it or make it shorter, and nothing moves it.
 */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>

/* No count, no length and no descriptor is as large as the first pin. */
enum { FIRST_PIN = 1 << 30, FIRST_PLACES = 64 };

typedef struct {
  bytes_t bytes;
  bool is_words;
  napi_ref array;
} pin_t;

/* Of one environment. */
typedef struct {
  pin_t *pins;
  size_t count, places;
} pins_t;

static pins_t *pins_of(napi_env env) {
  void *table = NULL;
  napi_get_instance_data(env, &table);
  return table;
}

static void on_environment_end(napi_env env, void *data, void *hint) {
  pins_t *table = data;
  for (size_t i = 0; i < table->count; i++) napi_delete_reference(env, table->pins[i].array);
  free(table->pins);
  free(table);
}

/* Numbers below the first pin come out beyond any place. */
static const pin_t *find(napi_env env, napi_value value) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return NULL;
  const pins_t *table = pins_of(env);
  double place = number - FIRST_PIN;
  return table != NULL && place >= 0 && place < (double)table->count && place == (double)(size_t)place
             ? table->pins + (size_t)place
             : NULL;
}

bool find_pinned_bytes(napi_env env, napi_value value, bytes_t *result) {
  const pin_t *pin = find(env, value);
  if (pin == NULL) return false;
  *result = pin->bytes;
  return true;
}

bool find_pinned_words(napi_env env, napi_value value, words_t *result) {
  const pin_t *pin = find(env, value);
  if (pin == NULL || !pin->is_words) return false;
  *result = (words_t){(int32_t *)pin->bytes.data, pin->bytes.length / sizeof *result->data};
  return true;
}

/* Whether there is room for one more pin. */
static bool make_room(pins_t *table) {
  if (table->count < table->places) return true;
  size_t places = table->places == 0 ? FIRST_PLACES : 2 * table->places;
  pin_t *pins = places > FIRST_PIN ? NULL : realloc(table->pins, places * sizeof *pins);
  if (pins == NULL) return false;
  table->pins = pins;
  table->places = places;
  return true;
}

/* pin(array): what stands for the array as long as the thread lasts, for all functions that take one */
static napi_value pin_array(napi_env env, napi_callback_info info) {
  napi_value arguments[1], buffer;
  napi_typedarray_type type;
  pin_t pin;
  bool is_own = true;
  if (!get_arguments(env, info, 1, arguments) || !get_bytes(env, arguments[0], "array", &pin.bytes)) return NULL;
  if (napi_get_typedarray_info(env, arguments[0], &type, NULL, NULL, &buffer, NULL) != napi_ok ||
      napi_is_arraybuffer(env, buffer, &is_own) != napi_ok || is_own) {
    napi_throw_type_error(env, NULL, "array: expected a typed array over shared memory");
    return NULL;
  }
  pin.is_words = type == napi_int32_array;
  pins_t *table = pins_of(env);
  if (table == NULL || !make_room(table) || napi_create_reference(env, arguments[0], 1, &pin.array) != napi_ok)
    return throw_errno(env, "pin", NULL, ENOMEM);
  table->pins[table->count] = pin;
  return make_int32(env, (int32_t)(FIRST_PIN + table->count++));
}

void init_pins(napi_env env, napi_value exports) {
  pins_t *table = calloc(1, sizeof *table);
  if (table != NULL && napi_set_instance_data(env, table, on_environment_end, NULL) != napi_ok) free(table);
  export_function(env, exports, "pin", pin_array);
}
