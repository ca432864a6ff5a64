import clsx from "clsx";
import React from "react";
import type { ReactElement } from "react";

import { shown } from "./prices";
import type { Price } from "./prices";

interface Props {
  prices: Price[];
  currency: string;
}

export function PriceTable({ prices, currency }: Props): ReactElement {
  return (
    <table>
      <tbody>
        {prices.map((price) => (
          <tr key={price.name} className={clsx("price", price.reduced && "reduced")}>
            <td>{price.name}</td>
            <td>{shown(price, currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
