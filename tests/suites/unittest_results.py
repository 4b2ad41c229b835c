"""Runs the unittest modules of a folder and prints `RESULT<TAB>test<TAB>passed|failed|skipped` for each test.

usage: unittest_results.py FOLDER REGEX SECONDS       a test that takes longer than SECONDS has failed
"""
import re
import signal
import sys
import unittest


class TooSlow(BaseException):
    """Not an Exception, so that a test does not take it for its own."""


class Results(unittest.TestResult):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
        self.status = {}

    def startTest(self, test):
        super().startTest(test)
        self.status[test.id()] = "passed"
        signal.alarm(self.seconds)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        print(f"RESULT\t{test.id()}\t{self.status[test.id()]}", flush=True)

    def _not(self, test, status, told):
        known = test.id() in self.status
        self.status[test.id()] = status
        print(f"--- {status}: {test.id()}\n{told}", flush=True)
        if not known:
            # A class or module that could not be set up.
            print(f"RESULT\t{test.id()}\t{status}", flush=True)

    def addError(self, test, err):
        self._not(test, "failed", self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        self._not(test, "failed", self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._not(test, "failed", f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self._not(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        pass

    def addUnexpectedSuccess(self, test):
        self._not(test, "failed", "unexpected success")


def too_slow(*_):
    raise TooSlow("the test took too long")


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def main(folder, regex, seconds):
    signal.signal(signal.SIGALRM, too_slow)
    found = flat(unittest.TestLoader().discover(folder, pattern="test_*.py", top_level_dir=folder))
    wanted = unittest.TestSuite(test for test in found if re.search(regex, test.id()))
    results = Results(int(seconds))

    def run(suite):
        suite.run(results)

    run(wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
