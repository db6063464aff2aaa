#define _GNU_SOURCE
#include "addon.h"

void init_tun(napi_env env, napi_value exports) {}
