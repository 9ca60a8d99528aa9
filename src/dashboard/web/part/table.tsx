// A table; on a telephone each row becomes a short list. The roles are said, since a browser forgets them
// where the layout is no table's.
import type { ComponentChildren } from "preact";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** On a telephone it stands on the row's first line. */
  isMain?: boolean;
  /** The title is for screen readers only. */
  isUntitled?: boolean;
}

interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

export function Table<Row>({ label, columns, rows, keyOf }: TableProps<Row>) {
  return (
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isUntitled }) => (
            <th role="columnheader" scope="col">
              {isUntitled ? <span class="unseen">{title}</span> : title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr role="row" key={keyOf(row)}>
            {columns.map(({ title, cell, isMain, isUntitled }) => (
              <td
                role="cell"
                class={isMain ? "main" : undefined}
                data-title={isUntitled ? "" : title}
              >
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
