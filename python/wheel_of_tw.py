"""Builds the wheel of tw (PEP 517), so that `pip install ./python` needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
import tarfile
import zipfile
from typing import Any, Dict, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
NAME, VERSION = "tw", "0.1"
METADATA = f"""Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: Opens, runs and patches transformers that twc compiled
License: Apache-2.0
Requires-Python: >=3.9
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: wheel_of_tw\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def sources() -> Dict[str, bytes]:
    """The package's files by their names in an archive."""
    files = {}
    for name in sorted(os.listdir(os.path.join(HERE, NAME))):
        if name.endswith(".py"):
            with open(os.path.join(HERE, NAME, name), "rb") as f:
                files[f"{NAME}/{name}"] = f.read()
    return files


def build_wheel(wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None,
                metadata_directory: Optional[str] = None) -> str:
    """PEP 427: a zip of the files, and a list of their hashes."""
    info = f"{NAME}-{VERSION}.dist-info"
    files = sources()
    files[f"{info}/METADATA"] = METADATA.encode()
    files[f"{info}/WHEEL"] = WHEEL.encode()
    record = []
    for name, raw in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(raw)}\n")
    files[f"{info}/RECORD"] = ("".join(record) + f"{info}/RECORD,,\n").encode()
    wheel = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as z:
        for name, raw in files.items():
            z.writestr(name, raw)
    return wheel


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    """The folder as it is."""
    name = f"{NAME}-{VERSION}"
    path = os.path.join(sdist_directory, f"{name}.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for file in ["pyproject.toml", "wheel_of_tw.py", *sources()]:
            archive.add(os.path.join(HERE, file), f"{name}/{file}")
    return os.path.basename(path)
