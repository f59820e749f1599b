# SPDX-License-Identifier: Apache-2.0
"""What other build systems find a bundle by: pkg-config's and CMake's files, which work wherever the bundle lies."""

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
Libs: -L${{prefix}}/lib -l{name}
Libs.private: -lm -pthread
"""
CONFIG = """\
# find_package({name} CONFIG) with the bundle in CMAKE_PREFIX_PATH: {model} for {target}
include(CMakeFindDependencyMacro)
find_dependency(Threads)
get_filename_component(_bundle "${{CMAKE_CURRENT_LIST_DIR}}/../../.." ABSOLUTE)
if(NOT TARGET biisnet::model)
    add_library(biisnet::model SHARED IMPORTED)
    set_target_properties(biisnet::model PROPERTIES
        IMPORTED_LOCATION "${{_bundle}}/lib/lib{name}.so"
        IMPORTED_SONAME lib{name}.so
        INTERFACE_INCLUDE_DIRECTORIES "${{_bundle}}/include")
    add_library(biisnet::model_static STATIC IMPORTED)
    set_target_properties(biisnet::model_static PROPERTIES
        IMPORTED_LOCATION "${{_bundle}}/lib/lib{name}.a"
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


def write_embedding(root: Path, model: str, target: str) -> None:
    """Put the three files into a bundle."""
    words = {"name": NAME, "model": re.sub(r"[^\w .-]", "_", model), "target": target, "abi": ABI}
    for path, text in ((PKG_CONFIG, PC), (CMAKE, CONFIG), (CMAKE_VERSION, CONFIG_VERSION)):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.format(**words, version=version("biisnet")), "utf-8")
