"""A CSV file is read as it is, or refused by a sentence that says where and what to do."""

import numpy as np
import pytest

from linsgd.problems.csv import read_csv


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_the_columns_but_the_target_are_the_features(tmp_path):
    problem = read_csv(write(tmp_path, "a,y,b\n1,2,3\n4,5,6\n7,9,8\n"), target="y")
    np.testing.assert_array_equal(problem.features.X, [[1, 3], [4, 6], [7, 8]])
    np.testing.assert_array_equal(problem.features.y, [2, 5, 9])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,y\n1,2\n3,4\n",
        "a,y\r\n1,2\r\n3,4\r\n",
        '"a","y"\n"1","2"\n3,4\n',
        " a , y \n 1 , 2 \n3,4",
        "a,y\n1,2\n\n3,4\n\n",
        "a,y\n1e0,2.\n3,4.0\n",
        '"two\nlines",y\n1,2\n3,4\n',
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path, text):
    problem = read_csv(write(tmp_path, text), target="y")
    np.testing.assert_array_equal(problem.features.X, [[1], [3]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file is empty"),
        ("a,y\n", "no rows below the header"),
        ("a,y\n\n\n", "no rows below the header"),
        ("a,y\n1,2\nred,4\n", "line 3, column 'a': 'red' is not a finite number"),
        ("a,y\n1,2\n3,\n", "line 3, column 'y': the cell is empty"),
        ("a,y\n1,2\n3,nan\n", "line 3, column 'y': 'nan' is not a finite number"),
        ("a,y\n1,2\n-inf,4\n", "line 3, column 'a': '-inf' is not a finite number"),
        ("a,y\n1,2\n1e999,4\n", "line 3, column 'a': '1e999' is not a finite number"),
        ("a,y\n1,2\n1_0,4\n", "line 3, column 'a': '1_0' is not a finite number"),
        ("a,y\n1,2\n3,4,5\n", "line 3 has 3 cells, the header 2"),
        ("a,y\n1,2,3\n4,5,6\n", "line 2 has 3 cells, the header 2"),
        ('a,y\n"1\n",2\nred,4\n', "line 4, column 'a': 'red'"),
        ("a,y,a\n1,2,3\n4,5,6\n", "names 'a' twice"),
        ("a,b\n1,2\n4,5\n", "no column 'y'; the target must be one of 'a', 'b'"),
        ("a;y\n1;2\n4;5\n", "no column 'y'; the target must be one of 'a;y'"),
        ("y\n1\n2\n", "'y' is the only column"),
        ("a,y\n1,2\n3,2\n", "target 'y' is constant"),
        ("a,y\n0,2\n0,3\n", "all zeros"),
        ("a,y\n1e200,2\n3,4\n", "X[0, 0] = 1e+200 is outside its domain"),
    ],
)
def test_a_bad_table_is_refused_by_name_and_place(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ValueError) as refusal:
        read_csv(path, target="y")
    assert message in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"table\.csv: not a UTF-8 text file"):
        read_csv(write(tmp_path, "ä,y\n1,2\n", encoding="latin-1"), target="y")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "absent.csv", target="y")
