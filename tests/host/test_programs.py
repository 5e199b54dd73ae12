"""Which programs a host gets."""

import ast
import json
import unittest

from tests.host import documents


class Programs(unittest.TestCase):
    """host/programs.json is what TypeScript sends: each role's entry programs and all that they import."""

    ENTRIES = {
        "secrets": ["converge"],
        "client": ["converge", "amanda-hook"],
        "server": ["converge", "enrol", "amanda-hook", "backupctl", "amcrypt", "mount-data", "recover.sh"],
    }

    def imported(self, name):
        """Our modules that this program imports, anywhere in it."""
        path = documents.HOST / name
        text = path.read_text(encoding="utf-8")
        if "python3" not in text.splitlines()[0] and path.suffix != ".py":
            return set()
        found = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "amanda_backup":
                found |= {f"amanda_backup/{alias.name}.py" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("amanda_backup."):
                found.add(node.module.replace(".", "/") + ".py")
            elif isinstance(node, ast.Import):
                found |= {
                    alias.name.replace(".", "/") + ".py"
                    for alias in node.names
                    if alias.name.startswith("amanda_backup.")
                }
        return found

    def closure(self, role):
        modules = {"secrets": "keys", "client": "client", "server": "server"}[role]
        todo = {*self.ENTRIES[role], f"amanda_backup/{modules}.py", "amanda_backup/__init__.py"}
        done = {"bootstrap.py"}
        while todo:
            name = todo.pop()
            done.add(name)
            todo |= self.imported(name) - done
        return sorted(done)

    def test_each_role_gets_exactly_what_it_imports(self):
        listed = json.loads((documents.HOST / "programs.json").read_text(encoding="utf-8"))
        self.assertEqual(listed, {role: self.closure(role) for role in self.ENTRIES})


if __name__ == "__main__":
    unittest.main()
