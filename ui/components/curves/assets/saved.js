/** Curves as a figure to save. */

/** @param {() => any} found the curves that stand in the component's place */
export function figureOf(found) {
  return {
    name: found().data.testid,
    parts: () => [found().legend, found().panels].filter((part) => part.clientHeight),
    drawn: () => null,
    table: () => table(found().data),
    plot: () => plot(found().data),
  };
}

/** A row for each point of each line. */
function table({ panels, xName, unit }) {
  const barred = panels.some(({ lines }) => lines.some(({ bars }) => bars.length));
  const rows = panels.flatMap(({ title, lines }) =>
    lines.flatMap(({ name, x, y, bars }) => x.map((at, i) => [title, name, at, y[i], ...(barred ? (bars[i] ?? [null, null]) : [])])),
  );
  return { columns: ["panel", "line", xName, unit || "value", ...(barred ? ["from", "to"] : [])], rows };
}

function plot({ panels, xName, xRange, logX, unit }) {
  const layout = { grid: { rows: 1, columns: panels.length, pattern: "independent" }, annotations: [], showlegend: true };
  const known = new Set();
  const data = panels.flatMap(({ title, lines, y_range }, k) => {
    const [x, y] = [`x${k ? k + 1 : ""}`, `y${k ? k + 1 : ""}`];
    const range = logX ? xRange.map(Math.log10) : xRange;
    layout[x.replace("x", "xaxis")] = { title: { text: xName }, range, type: logX ? "log" : "linear" };
    layout[y.replace("y", "yaxis")] = { title: { text: k ? "" : unit }, ...(y_range && { range: y_range }) };
    layout.annotations.push({ text: title, xref: `${x} domain`, yref: `${y} domain`, x: 0, y: 1.02, yanchor: "bottom", xanchor: "left", showarrow: false });
    return lines.map((line) => {
      const showlegend = !known.has(line.name);
      known.add(line.name);
      return trace(line, { xaxis: x, yaxis: y, showlegend });
    });
  });
  return { data, layout };
}

function trace({ name, x, y, colour, dashed, faint, bars }, place) {
  const error = bars.length && {
    error_y: { type: "data", symmetric: false, array: bars.map(([, to], i) => to - y[i]), arrayminus: bars.map(([from], i) => y[i] - from) },
  };
  const line = { color: colour, dash: dashed ? "dash" : "solid", width: faint ? 1 : 2 };
  return { type: "scatter", mode: x.length === 1 ? "markers" : "lines", name, legendgroup: name, x, y, line, marker: { color: colour }, ...error, ...place };
}
