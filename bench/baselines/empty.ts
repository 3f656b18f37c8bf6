// What any compiled Bun program costs: console.log is its cheapest way to print (process.stdout costs 13 ms more).
console.log("0.0.0");
