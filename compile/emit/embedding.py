# SPDX-License-Identifier: Apache-2.0
"""Files by which other build systems find a bundle: pkg-config's and CMake's, which work wherever the bundle lies."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from ...runtime.bundle import ABI

NAME = "biisnet_model"
PKG_CONFIG = f"lib/pkgconfig/{NAME}.pc"
CMAKE = f"lib/cmake/{NAME}/{NAME}-config.cmake"
CMAKE_VERSION = f"lib/cmake/{NAME}/{NAME}-config-version.cmake"

PC = """\
# pkg-config --with-path=BUNDLE/lib/pkgconfig --cflags --libs {name}
prefix=${{pcfiledir}}/../..
Name: {name}
Description: {model} for {target}
Version: {abi}.{version}
Cflags: -I${{prefix}}/include
{libs}
"""
CONFIG = """\
# find_package({name} CONFIG) with the bundle in CMAKE_PREFIX_PATH: {model} for {target}
include(CMakeFindDependencyMacro)
find_dependency(Threads)
get_filename_component(_bundle "${{CMAKE_CURRENT_LIST_DIR}}/../../.." ABSOLUTE)
if(NOT TARGET {scope}::model)
    add_library({scope}::model SHARED IMPORTED)
    set_target_properties({scope}::model PROPERTIES
        IMPORTED_LOCATION "${{_bundle}}/lib/lib{library}.so"
        IMPORTED_SONAME lib{library}.so
        INTERFACE_INCLUDE_DIRECTORIES "${{_bundle}}/include")
    add_library({scope}::model_static STATIC IMPORTED)
    set_target_properties({scope}::model_static PROPERTIES
        IMPORTED_LOCATION "${{_bundle}}/lib/lib{library}.a"
        IMPORTED_LINK_INTERFACE_LANGUAGES C
        INTERFACE_INCLUDE_DIRECTORIES "${{_bundle}}/include"
        INTERFACE_LINK_LIBRARIES "Threads::Threads;m")
endif()
unset(_bundle)
"""
CONFIG_VERSION = """\
# the ABI is the first number: another one is another interface
set(PACKAGE_VERSION {abi}.{version})
set(PACKAGE_VERSION_COMPATIBLE FALSE)
if(NOT PACKAGE_FIND_VERSION OR PACKAGE_FIND_VERSION_MAJOR EQUAL {abi})
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
"""


# By name, so that the archive can be chosen; of several archives each by its path, for all have one name.
LIBS = "Libs: -L${{prefix}}/lib -l{library}\nLibs.private: -lm -pthread"
ARCHIVE_LIBS = "Libs: ${{prefix}}/lib/lib{library}.a -lm -pthread"


def write_embedding(root: Path, model: str, target: str, prefix: str | None = None) -> None:
    """Put the three files into a bundle; one whose archive has a prefix is found under that."""
    words = {"name": prefix or NAME, "scope": prefix or "biisnet", "library": NAME, "target": target, "abi": ABI}
    words |= {"model": re.sub(r"[^\w .-]", "_", model)}
    words["libs"] = (ARCHIVE_LIBS if prefix else LIBS).format(**words)
    for path, text in ((PKG_CONFIG, PC), (CMAKE, CONFIG), (CMAKE_VERSION, CONFIG_VERSION)):
        place = root / path.replace(NAME, prefix or NAME)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.format(**words, version=version("biisnet")), "utf-8")
