"""Tables kept in a row of the database: Parquet, the same rows giving the same bytes."""

import io
from collections.abc import Collection

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def packed(rows: pd.DataFrame) -> bytes:
    """The rows as Parquet; the same rows give the same bytes with the same version of the library."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), out, compression="zstd")
    return out.getvalue()


def unpacked(table: bytes | memoryview, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The rows that were packed, with all columns or those named that there are; dates as dates."""
    file = pq.ParquetFile(io.BytesIO(bytes(table)))
    wanted = [name for name in file.schema_arrow.names if columns is None or name in columns]
    rows: pd.DataFrame = file.read(wanted).to_pandas(date_as_object=True)
    return rows
