#include "CLinux.h"
void antipode_placeholder(void) {}
