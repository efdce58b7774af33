// Rows of a list: a table where there is room, cards where there is none; and what stands there while it loads or fails.
import type { ReactNode } from "react";
import { useText } from "~/i18n/text";
import { Empty, More, ProblemNotice, Skeleton } from "./display";
import { tableText } from "./Table.text";
import "./table.css";

export interface Column<R> {
  /** Unique in its table. */
  readonly key: string;
  readonly head: string;
  readonly cell: (row: R) => ReactNode;
  readonly number?: boolean;
  /** The head is for those who hear the table only: buttons, check boxes. */
  readonly quietHead?: boolean;
}

export interface TableProps<R> {
  /** What the rows are; for those who hear the page. */
  readonly caption: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly rowKey: (row: R) => string;
}

export function Table<R>({ caption, columns, rows, rowKey }: TableProps<R>) {
  return (
    <table className="table table-fold">
      <caption className="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ key, head, number, quietHead }) => (
            <th key={key} scope="col" className={number ? "number" : undefined}>
              {quietHead ? <span className="unseen">{head}</span> : head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)}>
            {columns.map(({ key, head, cell, number, quietHead }) => (
              <td key={key} className={number ? "number" : undefined} data-head={quietHead ? "" : head}>
                <div>{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What a list needs to know of the query that feeds it. */
export interface Feed {
  readonly isPending: boolean;
  readonly error: unknown;
  readonly refetch: () => unknown;
  readonly hasNextPage?: boolean;
  readonly isFetchingNextPage?: boolean;
  readonly fetchNextPage?: () => unknown;
}

/** A table of what a query gives. */
export function Listing<R>({ feed, empty, ...table }: TableProps<R> & { feed: Feed; empty?: string }) {
  const text = useText(tableText);
  if (feed.error && table.rows.length === 0)
    return <ProblemNotice error={feed.error} onRetry={feed.refetch} />;
  if (feed.isPending) return <Skeleton lines={6} />;
  if (table.rows.length === 0) return <Empty title={empty ?? text.empty} />;
  return (
    <>
      {feed.error !== null && <ProblemNotice error={feed.error} onRetry={feed.refetch} />}
      <Table {...table} />
      <More
        shown={feed.hasNextPage ?? false}
        busy={feed.isFetchingNextPage ?? false}
        onClick={() => feed.fetchNextPage?.()}
      />
    </>
  );
}
