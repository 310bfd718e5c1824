/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/export.h  What libweir exports for the weir program alone.
 *
 * The program is built and installed together with the library, so these names may change with every release: they have
 * a symbol version of their own, WEIR_PRIVATE, which cmake/weir.map lists one by one.
 */
#ifndef WEIR_CORE_EXPORT_H
#define WEIR_CORE_EXPORT_H

#define FOR_PROGRAM __attribute__((visibility("default")))

#endif
