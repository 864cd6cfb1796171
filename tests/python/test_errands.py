"""Files that the service has for the participant become new files, once, and nothing else."""

import json
import os
import pathlib
import stat
import threading
import time
import unittest
from unittest import mock

from copies_service import CopiesService
from support import HAS_JUPYTER, TIMEOUT_S, TOKEN, JupyterServer, environment_of
from test_push import PushCase

from pipalhub_singleuser import errands as errands_module, place
from pipalhub_singleuser.errands import Errands
from pipalhub_singleuser.openings import MAX_FILES, Openings
from pipalhub_singleuser.place import CannotPlace, Place
from pipalhub_singleuser.service import Service

CONTENT = b'{"cells": []}'


class ErrandCase(PushCase):
    def begin(self, service, written=lambda errand_id, filename: None, server=""):
        self.addCleanup(mock.patch.stopall)
        for name in ["PACE", "FIRST_DELAY", "WAIT"]:
            mock.patch.object(errands_module, name, 0.05).start()
        reporter = self.reporter(service.url)
        service = Service(service.url, TOKEN, "alice", server)
        errands = Errands(service, reporter, self.home, self.logger, written)
        errands.start()
        self.addCleanup(errands.close, TIMEOUT_S)
        return errands

    def files(self):
        found = pathlib.Path(self.home).rglob("*")
        return sorted(path.relative_to(self.home).as_posix() for path in found if path.is_file())

    def read(self, name):
        return pathlib.Path(self.home, name).read_bytes()


class Doing(ErrandCase):
    def answer_of(self, service, errand_id):
        service.wait(lambda service: errand_id in dict(service.errand_answers))
        return dict(service.errand_answers)[errand_id]

    def test_a_file_is_written_and_pushed_as_a_copy(self):
        service = self.service()
        self.begin(service)
        service.give(7, CONTENT, filename="week 1/Übung.ipynb")
        done = {"state": "done", "filename": "week 1/Übung.ipynb"}
        self.assertEqual(self.answer_of(service, 7), done)
        self.assertEqual(self.read("week 1/Übung.ipynb"), CONTENT)
        self.assertEqual(self.files(), ["week 1/Übung.ipynb"])
        service.wait(lambda service: service.copies.get("week 1/Übung.ipynb") == CONTENT)
        self.assertEqual(service.tokens, {f"token {TOKEN}"})

    def test_a_file_that_is_no_notebook_is_written_as_it_is_and_not_pushed(self):
        service = self.service()
        self.begin(service)
        content = bytes(range(256))
        service.give(1, content, filename="data/tool.sh")
        service.give(2, CONTENT, filename="a.ipynb")
        done = {"state": "done", "filename": "data/tool.sh"}
        self.assertEqual(self.answer_of(service, 1), done)
        self.assertEqual(self.read("data/tool.sh"), content)
        mode = os.stat(os.path.join(self.home, "data/tool.sh")).st_mode
        self.assertEqual(mode & 0o111, 0)
        service.wait(lambda service: "a.ipynb" in service.copies)
        self.assertEqual([name for _, name in service.told], ["a.ipynb"])

    def test_nothing_is_written_over(self):
        service = self.service()
        self.write("handout.ipynb", b"mine")
        self.write("handout-2.ipynb", b"mine too")
        os.symlink("nowhere", os.path.join(self.home, "handout-3.ipynb"))
        self.begin(service)
        service.give(1, CONTENT)
        self.assertEqual(self.answer_of(service, 1)["filename"], "handout-4.ipynb")
        self.assertEqual(self.read("handout.ipynb"), b"mine")
        self.assertEqual(self.read("handout-2.ipynb"), b"mine too")
        self.assertEqual(self.read("handout-4.ipynb"), CONTENT)
        self.assertTrue(os.path.islink(os.path.join(self.home, "handout-3.ipynb")))

    def test_one_whose_answer_is_lost_is_answered_again_and_not_written_again(self):
        losses = iter([CopiesService.CUT, (503, {}, {}), CopiesService.CUT])
        posts = []

        def before(method, path, body):
            if method == "POST" and path.startswith("api/errands/"):
                posts.append(body)
                return next(losses, None)

        service = self.service(before)
        self.begin(service)
        service.give(1, CONTENT)
        self.assertEqual(self.answer_of(service, 1)["filename"], "handout.ipynb")
        self.assertEqual(len(set(posts)), 1)
        self.assertGreater(len(posts), 3)
        self.assertEqual(self.files(), ["handout.ipynb"])

    def test_a_service_that_counts_anew_has_its_errand_done(self):
        service = self.service()
        self.begin(service)
        service.give(1, CONTENT)
        self.answer_of(service, 1)
        service.errand_answers.clear()
        service.give(1, b"another", filename="other.ipynb")
        self.assertEqual(self.answer_of(service, 1)["filename"], "other.ipynb")

    def test_what_came_in_part_gets_no_name(self):
        cut = iter([(200, {}, CONTENT[:5]), (200, {}, CONTENT + b"x"), CopiesService.CUT])

        def before(method, path, body):
            return next(cut, None) if path.endswith("/content") else None

        service = self.service(before)
        self.begin(service)
        service.give(1, CONTENT)
        self.assertEqual(self.answer_of(service, 1)["state"], "done")
        self.assertEqual(self.files(), ["handout.ipynb"])
        self.assertEqual(self.read("handout.ipynb"), CONTENT)

    def test_what_is_never_what_was_announced_fails(self):
        service = self.service()
        self.begin(service)
        service.give(1, CONTENT, sha256="0" * 64)
        answer = self.answer_of(service, 1)
        self.assertEqual(answer["state"], "failed")
        self.assertIn("announced", answer["reason"])
        self.assertEqual(self.files(), [])

    def test_names_that_lead_elsewhere_or_are_hidden_fail(self):
        service = self.service()
        self.begin(service)
        names = ["/etc/x", "../x", "a/../../x", "", "a//b", ".ssh/authorized_keys", "a/.x", "x\0"]
        names += ["x" * 2000, ".ipython/profile_default/startup/x.py", "\ud800.ipynb"]
        for number, name in enumerate(names, 1):
            service.give(number, CONTENT, filename=name)
        for number, name in enumerate(names, 1):
            self.assertEqual(self.answer_of(service, number)["state"], "failed", name)
        self.assertEqual(self.files(), [])
        self.assertEqual(os.listdir(self.home), [])

    def test_no_link_leads_out_of_the_folder(self):
        outside = pathlib.Path(self.home).parent / (os.path.basename(self.home) + "-outside")
        outside.mkdir()
        self.addCleanup(lambda: outside.rmdir())
        os.symlink(outside, os.path.join(self.home, "out"))
        os.mkdir(os.path.join(self.home, "real"))
        os.symlink("real", os.path.join(self.home, "own"))
        service = self.service()
        self.begin(service)
        service.give(1, CONTENT, filename="out/a.ipynb")
        service.give(2, CONTENT, filename="out/new/a.ipynb")
        service.give(3, CONTENT, filename="own/a.ipynb")
        for number in (1, 2):
            self.assertIn("elsewhere", self.answer_of(service, number)["reason"])
        self.assertEqual(self.answer_of(service, 3)["state"], "done")
        self.assertEqual(self.read("real/a.ipynb"), CONTENT)

    def test_folders_are_made_for_what_is_handed_out_only(self):
        service = self.service()
        self.begin(service)
        service.give(1, CONTENT, kind="restore", filename="gone/a.ipynb")
        self.assertIn("not there any more", self.answer_of(service, 1)["reason"])
        service.give(2, CONTENT, kind="handout", filename="new/er/a.ipynb")
        self.assertEqual(self.answer_of(service, 2)["state"], "done")
        self.assertEqual(self.files(), ["new/er/a.ipynb"])

    def test_an_errand_that_is_gone_is_dropped(self):
        fetched = []

        def before(method, path, body):
            if path == "api/errands/1/content":
                fetched.append(path)
                return 404, {}, {}

        service = self.service(before)
        self.begin(service)
        service.give(1, CONTENT)
        service.give(2, CONTENT, filename="other.ipynb")
        self.assertEqual(self.answer_of(service, 2)["state"], "done")
        # The service lists it all the same.
        self.until(lambda: len(fetched) == errands_module.MAX_FETCHES)
        service.give(3, CONTENT, filename="third.ipynb")
        self.assertEqual(self.answer_of(service, 3)["state"], "done")
        self.assertEqual(len(fetched), errands_module.MAX_FETCHES)
        self.assertNotIn(1, dict(service.errand_answers))
        self.assertEqual(self.files(), ["other.ipynb", "third.ipynb"])

    def test_an_errand_that_came_back_is_done(self):
        gone = iter([(404, {}, {}), (410, {}, {})])

        def before(method, path, body):
            return next(gone, None) if path.endswith("/content") else None

        service = self.service(before)
        self.begin(service)
        service.give(1, CONTENT)
        self.assertEqual(self.answer_of(service, 1)["state"], "done")

    def test_a_report_that_the_service_does_not_know_is_dropped(self):
        posts = []

        def before(method, path, body):
            if method == "POST" and path == "api/errands/1":
                posts.append(path)
                with service.changed:
                    service.errands.pop(1)
                return 404, {}, {}

        service = self.service(before)
        self.begin(service)
        service.give(1, CONTENT)
        self.until(lambda: posts)
        service.give(2, CONTENT, filename="other.ipynb")
        self.assertEqual(self.answer_of(service, 2)["state"], "done")
        self.assertEqual(len(posts), 1)

    def test_a_disk_that_is_full_says_why(self):
        service = self.service()
        self.begin(service)
        with mock.patch.object(place.os, "fsync", side_effect=OSError(28, "No space left")):
            service.give(1, CONTENT)
            self.assertEqual(self.answer_of(service, 1)["reason"], "No space left")
        self.assertEqual(self.files(), [])

    def test_what_is_no_errand_is_passed_over(self):
        service = self.service()
        self.begin(service)
        service.give(1, CONTENT, kind="a newer kind")
        service.give(2, CONTENT, size="large")
        service.give(3, CONTENT)
        self.assertEqual(self.answer_of(service, 3)["state"], "done")
        self.assertEqual([errand_id for errand_id, _ in service.errand_answers], [3])


class Opening(ErrandCase):
    """Which files count as opened."""

    def setUp(self):
        super().setUp()
        self.receipts = mock.Mock()
        self.openings = Openings(self.receipts)

    def hear(self, action, path, **fields):
        self.openings.heard({"action": action, "path": path, **fields})

    def test_a_handout_that_is_opened_is_told_once(self):
        self.openings.written(7, "m/a.ipynb")
        for path in ["m", "a.ipynb", "m/b.ipynb"]:
            self.hear("get", path)
        self.hear("save", "m/a.ipynb")
        self.receipts.send.assert_not_called()
        for _ in range(2):
            self.hear("get", "/m/a.ipynb")
        self.receipts.send.assert_called_once_with("api/errands/7", "opened")

    def test_a_handout_that_is_renamed_is_still_known(self):
        self.openings.written(7, "a.ipynb")
        self.hear("rename", "m/b.ipynb", source_path="a.ipynb")
        self.hear("get", "a.ipynb")
        self.receipts.send.assert_not_called()
        self.hear("get", "m/b.ipynb")
        self.receipts.send.assert_called_once_with("api/errands/7", "opened")

    def test_a_file_in_the_place_of_a_deleted_handout_is_another(self):
        self.openings.written(7, "a.ipynb")
        self.hear("delete", "a.ipynb")
        self.hear("get", "a.ipynb")
        self.receipts.send.assert_not_called()

    def test_remembered_handouts_are_bounded(self):
        for number in range(MAX_FILES + 1):
            self.openings.written(number, f"{number}.ipynb")
        self.hear("get", "0.ipynb")
        self.receipts.send.assert_not_called()
        self.hear("get", "1.ipynb")
        self.receipts.send.assert_called_once_with("api/errands/1", "opened")

    def test_only_handouts_are_remembered(self):
        service = self.service()
        written = []
        self.begin(service, lambda *handout: written.append(handout))
        service.give(1, CONTENT, kind="restore")
        service.give(2, CONTENT)
        service.wait(lambda service: len(service.errand_answers) == 2)
        self.assertEqual(written, [(2, "handout-2.ipynb")])


class Asking(ErrandCase):
    def test_a_named_server_says_its_name(self):
        asked = []

        def before(method, path, body):
            asked.append(path)

        service = self.service(before)
        self.begin(service)
        self.begin(service, server="gpu & more")
        self.until(lambda: "api/errands?server=gpu+%26+more&wait=0.05" in asked)
        self.until(lambda: "api/errands?wait=0.05" in asked)

    def test_an_older_service_is_not_asked_again_and_again(self):
        asked = []

        def before(method, path, body):
            asked.append(path)
            return 404, {}, {}

        service = self.service(before)
        self.begin(service)
        self.until(lambda: asked)
        time.sleep(0.5)
        self.assertEqual(len(asked), 1)
        self.assertEqual(self.log.lines, [])

    def test_a_service_that_was_away_may_have_lost_what_it_had(self):
        answers = iter([(503, {}, {}), CopiesService.CUT])
        service = self.service(lambda method, path, body: next(answers, None))
        errands = self.begin(service)
        self.until(errands._reporter.ledger.take_doubt)
        service.give(1, CONTENT)
        service.wait(lambda service: service.errand_answers)


class Placing(ErrandCase):
    def place(self, name="a.ipynb", makes_folders=True):
        return Place(self.home, name, makes_folders)

    def test_the_umask_says_who_may_read_it(self):
        before = os.umask(0o027)
        try:
            with self.place("new/a.ipynb") as one:
                one.file.write(b"x")
                one.finish()
        finally:
            os.umask(before)
        for name, mode in [("new", 0o750), ("new/a.ipynb", 0o640)]:
            found = stat.S_IMODE(os.stat(os.path.join(self.home, name)).st_mode)
            self.assertEqual(found, mode)

    def test_it_is_not_seen_before_it_is_whole(self):
        with self.place() as one:
            one.file.write(b"x")
            self.assertEqual([name[:2] for name in os.listdir(self.home)], [".~"])
        self.assertEqual(os.listdir(self.home), [])

    def test_where_there_are_no_hard_links_nothing_is_written_over_either(self):
        self.write("a.ipynb", b"mine")
        with mock.patch.object(place.os, "link", side_effect=OSError(95, "not supported")):
            with self.place() as one:
                one.file.write(b"x")
                self.assertEqual(one.finish(), "a-2.ipynb")
        self.assertEqual(self.files(), ["a-2.ipynb", "a.ipynb"])
        self.assertEqual((self.read("a.ipynb"), self.read("a-2.ipynb")), (b"mine", b"x"))

    def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(self):
        target = os.path.join(self.home, "target")
        os.mkdir(target)
        os.mkdir(os.path.join(self.home, "folder"))
        follow = Place._follow_own_links

        def swap(one, root):
            follow(one, root)
            os.rmdir(os.path.join(self.home, "folder"))
            os.symlink(target, os.path.join(self.home, "folder"))

        with mock.patch.object(Place, "_follow_own_links", swap):
            with self.assertRaises(CannotPlace):
                self.place("folder/a.ipynb").__enter__()
        self.assertEqual(self.files(), [])

    def test_many_at_once_get_a_name_each(self):
        names = []

        def write():
            with self.place() as one:
                one.file.write(b"x")
                names.append(one.finish())

        threads = [threading.Thread(target=write) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)
        self.assertEqual(sorted(names), self.files())
        self.assertEqual(len(set(names)), 20)


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class InJupyterServer(unittest.TestCase):
    def start(self):
        service = CopiesService()
        self.addCleanup(service.stop)
        jupyter = JupyterServer(environment_of("alice", service.url))
        self.addCleanup(jupyter.stop)
        return service, jupyter

    def test_a_handout_that_is_opened_is_told_once(self):
        service, jupyter = self.start()
        notebook = json.dumps(JupyterServer.NOTEBOOK).encode()
        service.give(3, notebook, filename="day1/handout.ipynb")
        service.wait(lambda service: service.errand_answers)
        done = {"state": "done", "filename": "day1/handout.ipynb"}
        self.assertEqual(service.errand_answers, [(3, done)])
        jupyter.request("GET", "api/contents/day1")
        for _ in range(2):
            jupyter.request("GET", "api/contents/day1/handout.ipynb")
        service.wait(lambda service: len(service.errand_answers) > 1)
        # What is opened later is told later.
        service.give(4, notebook, filename="later.ipynb")
        service.wait(lambda service: len(service.errand_answers) > 2)
        jupyter.request("GET", "api/contents/later.ipynb")
        service.wait(lambda service: len(service.errand_answers) > 3)
        service.give(5, b"a,b", filename="data.csv")
        service.wait(lambda service: len(service.errand_answers) > 4)
        jupyter.request("GET", "api/contents/data.csv")
        service.wait(lambda service: len(service.errand_answers) > 5)
        opened = [(number, said) for number, said in service.errand_answers if "filename" not in said]
        self.assertEqual(opened, [(number, {"state": "opened"}) for number in (3, 4, 5)])

    def test_what_is_handed_out_lies_in_the_home(self):
        service, jupyter = self.start()
        service.give(3, CONTENT, filename="day1/handout.ipynb")
        service.wait(lambda service: service.errand_answers)
        service.wait(lambda service: "day1/handout.ipynb" in service.copies)
        self.assertEqual((jupyter.home / "day1/handout.ipynb").read_bytes(), CONTENT)
        self.assertNotIn(TOKEN, jupyter.log())


if __name__ == "__main__":
    unittest.main()
