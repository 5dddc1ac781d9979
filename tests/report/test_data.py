"""A table is read as it is, or refused by a sentence that says where and what to do."""

import gzip

import numpy as np
import pytest

import linsgd
from linsgd.problems.table import Table, read_table


def write(tmp_path, text, encoding="utf-8", name="table.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def refusal(path, **options):
    with pytest.raises(ValueError) as refused:
        read_table(path, target="y", **options)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_the_columns_but_the_target_are_the_features(tmp_path):
    problem = read_table(write(tmp_path, "a,y,b\n1,2,3\n4,5,6\n7,9,8\n"), target="y")
    np.testing.assert_array_equal(problem.features.X, [[1, 3], [4, 6], [7, 8]])
    np.testing.assert_array_equal(problem.features.y, [2, 5, 9])
    assert problem.feature_names == ("a", "b")


AS_PEOPLE_HAVE_THEM = {
    "byte order mark": "\ufeffa,y\n1,2\n3,4\n",
    "Windows line ends": "a,y\r\n1,2\r\n3,4\r\n",
    "old line ends": "a,y\r1,2\r3,4\r",
    "quotes": '"a","y"\n"1","2"\n3,4\n',
    "spaces": " a , y \n 1 , 2 \n3,4",
    "blank lines": "a,y\n1,2\n\n3,4\n\n",
    "exponents": "a,y\n1e0,2.\n3,4.0\n",
    "a header of two lines": '"two\nlines",y\n1,2\n3,4\n',
    "semicolons": "a;y\n1;2\n3;4\n",
    "semicolons and decimal commas": "a;y\n1,0;2\n3,00;4\n",
    "semicolons and decimal points": "a;y\n1.0;2\n3;4.00\n",
    "tabs": "a\ty\n1\t2\n3\t4\n",
    "tabs and decimal commas": "a\ty\n1,0\t2\n3\t4,0\n",
    "bars": "a|y\n1|2\n3|4\n",
    "commas in a name": '"a, in m";y\n1;2\n3;4\n',
    "a line for Excel": "sep=;\na;y\n1;2\n3;4\n",
    "signs": "a,y\n+1,2\n+3,+4\n",
}


@pytest.mark.parametrize("text", AS_PEOPLE_HAVE_THEM.values(), ids=AS_PEOPLE_HAVE_THEM)
def test_what_spreadsheets_write_is_read(tmp_path, text):
    problem = read_table(write(tmp_path, text), target="y")
    np.testing.assert_array_equal(problem.features.X, [[1], [3]])
    np.testing.assert_array_equal(problem.features.y, [2, 4])


def test_unicode_and_compressed_files_are_read(tmp_path):
    text = "größe,y\n1,2\n3,4\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    sources = (tmp_path / "a.csv.gz", write(tmp_path, text, encoding="utf-16"))
    for source in sources:
        assert read_table(source, target="y").feature_names == ("größe",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file is empty"),
        ("a,y\n", "no rows below the header"),
        ("a,y\n\n\n", "no rows below the header"),
        ("a,y\n1,2\nred,4\n", "line 3, column 'a': 'red' is not a finite number; correct"),
        ("a,y\n1,2\n-inf,4\n", "line 3, column 'a': '-inf' is not a finite number"),
        ("a,y\n1,2\n1e999,4\n", "line 3, column 'a': '1e999' is not a finite number"),
        ("a,y\n1,2\n1_0,4\n", "line 3, column 'a': '1_0' is not a finite number"),
        ("a,y\n1,2\n50%,4\n", "'50%' is not a finite number; write the number without its unit"),
        ("a,y\n1,2\n3,\n", "line 3, column 'y': the cell is empty or marks a missing value"),
        ("a,y\n1,2\n3,nan\n", "as in 1 of 2 rows; fill it, or drop such rows by drop_missing=True"),
        ("a,y\n1,2\n3,4,5\n", "line 3 has 3 cells, the header 2; quote texts that hold commas"),
        ("a,y\n1,2,3\n4,5,6\n", "line 2 has 3 cells, the header 2"),
        ("a,y\n1,234,5\n2,345,6\n", "without thousands separators"),
        ('a,y\n"1,234",5\n"2,345",6\n', "write numbers with a decimal point and without thousands"),
        ('a,y\n"1,5",5\n"2,5",6\n', "write numbers with a decimal point and without thousands"),
        ("a,y\nx1,1,2\nx2,4,5\n", "write the file without row names (in R: row.names = FALSE)"),
        ("a;y\n1,234;5\n2,345;6\n", "'1,234' can be 1234 or 1.234; name the decimal mark"),
        ("a;y\n1.234;5\n2.345;6\n", "'1.234' can be 1234 or 1.234; name the decimal mark"),
        ("a;y\n1.234,5;5\n2.345,6;6\n", "without thousands separators"),
        ("a;y\n1,5;5.25\n2,5;6\n", "'1,5' has a comma and '5.25' a point"),
        ('a,y\n"1\n",2\nred,4\n', "line 4, column 'a': 'red'"),
        ("a,y,a\n1,2,3\n4,5,6\n", "names 'a' twice"),
        ("a,b\n1,2\n4,5\n", "no column 'y'; the target must be one of 'a', 'b'"),
        (",a,y\n0,1,2\n1,4,5\n", "column 1 has no name, as the row index that pandas and R write"),
        ("Unnamed: 0,a,y\n0,1,2\n1,4,5\n", "to_csv(..., index=False)"),
        ("a,y,\n1,2,\n4,5,\n", "the last column has no name"),
        ("1,2\n3,4\n", "line 1 holds numbers; its first line must name the columns"),
        ("y\n1\n2\n", "'y' is the only column"),
        ("a y\n1 2\n3 4\n", "there is no column 'y'; the target must be one of 'a y'"),
        ("a,y\n1,2\n3,2\n", "target 'y' is constant"),
        ("a,y\n0,2\n0,3\n", "column 'a' is constant (0 in all 2 rows)"),
        ("a,y\n1e200,2\n3,4\n", "X[0, 0] = 1e+200 is outside its domain"),
        (
            "a,y\nred,2\nblue,4\n",
            "column 'a' holds texts such as 'red'; delete the column, or code",
        ),
        ("a,y\n1,red\n2,blue\n", "the target 'y' holds texts such as 'red'"),
        ("a,y\n2020-01-01,2\n2020-01-02,4\n", "column 'a' holds texts such as '2020-01-01'"),
        ("a,y\n1,2\n\0,4\n", "is not a finite number"),
    ],
)
def test_a_bad_table_is_refused_by_name_and_place(tmp_path, text, message):
    assert message in refusal(write(tmp_path, text))


def test_a_huge_cell_is_not_repeated(tmp_path):
    long = "x" * 100_000
    assert len(refusal(write(tmp_path, f"a,y\n1,2\n{long},4\n"))) < 500
    assert len(refusal(write(tmp_path, f"a,y\n{long},2\n{long},4\n"))) < 500
    with pytest.raises(ValueError) as refused:
        linsgd.LinearRegression.from_data([[1.0]] * 100_000 + [[None]], [1.0] * 100_001)
    assert len(str(refused.value)) < 500


def test_a_decimal_mark_in_doubt_is_named(tmp_path):
    path = write(tmp_path, "a;y\n1,234;5\n2,345;6\n")
    np.testing.assert_array_equal(
        read_table(path, target="y", decimal=",").features.X, [[1.234], [2.345]]
    )
    path = write(tmp_path, "a;y\n1.234;5\n2.345;6\n")
    np.testing.assert_array_equal(
        read_table(path, target="y", decimal=".").features.X, [[1.234], [2.345]]
    )
    assert "with a point" in refusal(path, decimal=",")


@pytest.mark.parametrize("content", [b"\xe4,y\n1,2\n", b"PK\x03\x04\xff", b"\x1f\x8bnot gzip"])
def test_a_file_that_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    assert "save it as 'CSV UTF-8'" in refusal(tmp_path / "table.csv")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "absent.csv", target="y")


MIXED = "size,colour,old,y\n1,red,True,2\n,blue,False,4\n3,blue,True,5\n4,red,False,3\n"


def test_what_is_done_to_a_table_is_said(tmp_path):
    path = write(tmp_path, MIXED)
    assert "drop_missing=True (--drop-missing)" in refusal(path)
    assert "one_hot=True (--one-hot)" in refusal(path, drop_missing=True)
    problem = read_table(path, target="y", drop_missing=True, one_hot=True)
    assert problem.feature_names == ("size", "colour=blue", "colour=red", "old")
    np.testing.assert_array_equal(problem.features.X, [[1, 0, 1, 1], [3, 1, 0, 1], [4, 0, 1, 0]])
    problem = read_table(path, target="y", drop_missing=True, one_hot=True, intercept=True)
    assert problem.feature_names == ("size", "colour=red", "old", "intercept")


def test_standardized_columns_have_mean_0_and_deviation_1(tmp_path):
    path = write(tmp_path, "a,b,y\n1,5,2\n2,7,4\n4,6,5\n")
    problem = read_table(path, target="y", standardize=True, intercept=True)
    X = problem.features.X
    np.testing.assert_allclose(X.mean(axis=0), [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(X.std(axis=0), [1, 1, 0], atol=1e-15)
    np.testing.assert_allclose(
        [problem.features.y.mean(), problem.features.y.std()], [0, 1], atol=1e-15
    )


@pytest.mark.parametrize("value", ["5", "0", "1990"])
def test_constant_columns_are_named_with_what_to_do(tmp_path, value):
    path = write(tmp_path, f"a,c,y\n1,{value},2\n2,{value},4\n4,{value},5\n")
    named = f"column 'c' is constant ({value} in all 3 rows)"
    assert f"{named}; delete it; intercept=True (--intercept)" in refusal(path)
    for option in ("intercept", "standardize"):
        assert f"{named}; delete it" in refusal(path, **{option: True})


def test_one_column_of_ones_is_an_intercept(tmp_path):
    path = write(tmp_path, "a,c,y\n1,1,2\n2,1,4\n4,1,5\n")
    assert read_table(path, target="y").rank == 2
    assert "column 'c' is constant" in refusal(path, intercept=True)
    twice = write(tmp_path, "a,b,c,y\n1,1,1,2\n2,1,1,4\n4,1,1,5\n")
    assert "column 'b' is constant" in refusal(twice)


def test_a_second_column_called_intercept_is_refused(tmp_path):
    path = write(tmp_path, "intercept,y\n1,2\n2,4\n4,5\n")
    assert "there is a column 'intercept'" in refusal(path, intercept=True)


def test_text_of_one_kind_a_row_is_no_feature(tmp_path):
    rows = "".join(f"name{i},{i}\n" for i in range(30))
    assert "holds 30 texts in 30 rows; delete" in refusal(
        write(tmp_path, "who,y\n" + rows), one_hot=True
    )


def test_a_table_says_how_the_command_line_reads_it():
    table = Table(source="a.csv", target="y", one_hot=True, decimal=",")
    assert table.options() == ["--one-hot", "--decimal", ","]
    assert (table.name, table.is_file) == ("a.csv", True)
    with pytest.raises(ValueError, match="intercept = 1"):
        Table(source="a.csv", target="y", intercept=1)
    with pytest.raises(ValueError, match="source = 3 of type int"):
        read_table(3, target="y")


def test_data_frames_are_read(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "a": pandas.array([1.0, 2.0, None, 4.0], dtype="Float64"),
            "b": [True, False, True, True],
            "c": pandas.Categorical(["u", "v", "u", "v"]),
            "y": np.array([1, 2, 3, 5], dtype=object),
        }
    )
    problem = read_table(frame, target="y", drop_missing=True, one_hot=True)
    assert problem.feature_names == ("a", "b", "c=u", "c=v")
    np.testing.assert_array_equal(problem.features.X, [[1, 1, 1, 0], [2, 0, 0, 1], [4, 1, 0, 1]])
    assert "row 2, column 'a'" in refusal(frame)
    whole = frame.drop(index=2)[["a", "b", "y"]]
    direct = linsgd.LinearRegression.from_data(whole[["a", "b"]], whole["y"])
    assert direct.feature_names == ("a", "b")
    assert direct == read_table(whole, target="y")
    with pytest.raises(ValueError, match=r"X\[2, 0\] = <NA>"):
        linsgd.LinearRegression.from_data(frame[["a", "b"]], frame["y"])


def test_parquet_is_read(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"a": [1.0, 3.0], "y": [2.0, 4.0]}).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", target="y").feature_names == ("a",)
