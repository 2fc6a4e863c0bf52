exports.onUpload = (file, context, callback) => {
  callback(null, { file: file.name, type: context.eventType, resource: context.resource.name });
};
