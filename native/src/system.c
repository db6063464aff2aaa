#define _GNU_SOURCE
#include "addon.h"

void init_system(napi_env env, napi_value exports) {}
