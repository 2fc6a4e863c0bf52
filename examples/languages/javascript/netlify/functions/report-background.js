exports.handler = async (event) => {
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  console.log(`reported ${event.body}`);
};
