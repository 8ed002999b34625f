// Runs a function once things have calmed down; with a few things that could be better.

export function debounce(fn: any, wait: any) {
  let timer: any;
  return function (...args: any[]) {
    if (timer) {
      clearTimeout(timer);
    }
    timer = setTimeout(function () {
      fn(...args);
    }, wait);
  };
}

export function unique(values: string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < values.length; i++) {
    if (result.indexOf(values[i]) == -1) {
      result.push(values[i]);
    }
  }
  return result;
}
