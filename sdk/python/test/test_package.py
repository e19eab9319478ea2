"""The wheel: built and installed without a network, and its types."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

PACKAGE = pathlib.Path(__file__).resolve().parent.parent

PROGRAM = """
import sys, errand_worker
assert sys.prefix in errand_worker.__file__, errand_worker.__file__
def handler(job: errand_worker.SyncJob[int]) -> int:
    return job.input * 2
print(errand_worker.VERSION, errand_worker.run_job(handler, 21).result)
"""


def run(*command: str, cwd: "str | pathlib.Path") -> str:
    # -I and an empty environment: nothing of the source tree may be found by chance. A proxy that leads nowhere: no network.
    nowhere = "http://127.0.0.1:9"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "http_proxy": nowhere, "https_proxy": nowhere, "PIP_CONFIG_FILE": "/dev/null"}
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}")
    return done.stdout


class Wheel(unittest.TestCase):
    def test_the_wheel_is_built_and_installed_into_a_venv_without_a_network_and_runs_a_handler(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "source")
            # A copy: the build leaves files beside the sources.
            shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__", ".mypy_cache"))
            pip = (sys.executable, "-I", "-m", "pip", "--no-cache-dir", "--disable-pip-version-check")
            run(*pip, "wheel", "--no-build-isolation", "--no-index", "--no-deps", "-w", folder, str(source), cwd=folder)
            (wheel,) = pathlib.Path(folder).glob("errand_worker-*.whl")
            self.assertTrue(wheel.name.endswith("-py3-none-any.whl"), wheel.name)
            names = zipfile.ZipFile(wheel).namelist()
            self.assertIn("errand_worker/py.typed", names)
            self.assertFalse([name for name in names if "test" in name.replace("errand_worker/testing.py", "")])
            metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("/METADATA"))).decode()
            self.assertIn("\nRequires-Python: >=3.9\n", metadata)
            self.assertNotIn("\nRequires-Dist:", metadata)
            environment = pathlib.Path(folder, "environment")
            run(sys.executable, "-I", "-m", "venv", str(environment), cwd=folder)
            python = str(environment / "bin" / "python")
            run(python, "-I", "-m", "pip", "--no-cache-dir", "--disable-pip-version-check", "install", "--no-index", str(wheel), cwd=folder)
            version = metadata.split("\nVersion: ")[1].split("\n")[0]
            self.assertEqual(run(python, "-I", "-c", PROGRAM, cwd=folder), f"{version} 42\n")


class Types(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mypy", path="/usr/bin:/usr/local/bin"), "mypy is not installed")
    def test_the_package_and_its_use_pass_mypy_in_strict_mode(self) -> None:
        with tempfile.TemporaryDirectory() as cache:
            mypy = shutil.which("mypy", path="/usr/bin:/usr/local/bin") or ""
            self.assertIn("Success", run(mypy, "--cache-dir", cache, "--config-file", str(PACKAGE / "pyproject.toml"), cwd=PACKAGE))


class Syntax(unittest.TestCase):
    def test_the_sources_are_python_3_9(self) -> None:
        import ast

        for file in sorted((PACKAGE / "src").rglob("*.py")):
            with self.subTest(file.name):
                ast.parse(file.read_text(), feature_version=(3, 9))

    def test_nothing_beyond_the_standard_library_is_imported(self) -> None:
        import ast

        for file in sorted((PACKAGE / "src").rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                for name in names:
                    self.assertIn(name.split(".")[0], sys.stdlib_module_names, f"{file.name}: {name}")


if __name__ == "__main__":
    unittest.main()
