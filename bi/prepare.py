"""Brings Superset's own database up to date: its tables, its roles, the login, and the bundle of this folder.

Run by Superset's Python; safe to repeat.
"""

import os
from pathlib import Path

import yaml
from flask_migrate import upgrade
from superset.app import create_app

FOLDER = Path(__file__).parent
BUNDLE = ("metadata.yaml", "databases/*.yaml", "datasets/*/*.yaml", "charts/*.yaml", "dashboards/*.yaml")


def main() -> None:
    """Everything, in the order in which each needs the last."""
    app = create_app()
    with app.app_context():
        upgrade()
    # Roles need the permissions of all views, which an app on a migrated database registers.
    app = create_app()
    with app.app_context():
        from flask import g
        from superset import appbuilder, db, security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.connectors.sqla.models import SqlaTable
        from superset.models.dashboard import Dashboard
        from superset.models.slice import Slice

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        db.session.commit()
        name, password = os.environ["SUPERSET_ADMIN"], os.environ["SUPERSET_ADMIN_PASSWORD"]
        user = security_manager.find_user(username=name)
        if user is None:
            role = security_manager.find_role("Admin")
            user = security_manager.add_user(name, name, name, f"{name}@localhost", role, password=password)
        else:
            security_manager.reset_password(user.id, password)
        g.user = user
        paths = [path for pattern in BUNDLE for path in sorted(FOLDER.glob(pattern))]
        files = {str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8") for path in paths}
        ImportAssetsCommand(files).run()
        # What an earlier bundle brought and this one has no more; what people made is not managed from here.
        current = {yaml.safe_load(text).get("uuid") for text in files.values()}
        for model in (Dashboard, Slice, SqlaTable):
            for one in db.session.query(model).filter_by(is_managed_externally=True):
                if str(one.uuid) not in current:
                    db.session.delete(one)
        db.session.commit()


if __name__ == "__main__":
    main()
