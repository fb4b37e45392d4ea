"""Tables kept in a row of the database: Parquet, the same rows giving the same bytes."""

import io
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def packed(rows: pd.DataFrame) -> bytes:
    """The rows as Parquet; the same rows give the same bytes with the same version of the library."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), out, compression="zstd")
    return out.getvalue()


def unpacked(table: bytes | memoryview, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The rows that were packed, with all columns or those named that it has; dates as dates."""
    held = io.BytesIO(bytes(table))
    if columns is not None:
        names = set(pq.read_schema(held).names)
        columns = [column for column in columns if column in names]
    read = pq.read_table(held, columns=columns)
    rows: pd.DataFrame = read.to_pandas(date_as_object=True)
    return rows
