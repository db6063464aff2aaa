#define _GNU_SOURCE
#include "addon.h"

void init_xdp(napi_env env, napi_value exports) {}
