"""Tables kept in a row of the database: Parquet, the same rows giving the same bytes."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def packed(rows: pd.DataFrame) -> bytes:
    """The rows as Parquet; the same rows give the same bytes with the same version of the library."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), out, compression="zstd")
    return out.getvalue()


def unpacked(table: bytes | memoryview) -> pd.DataFrame:
    """The rows that were packed; dates as dates."""
    rows: pd.DataFrame = pq.read_table(io.BytesIO(bytes(table))).to_pandas(date_as_object=True)
    return rows
