using Mesh.Bench.Control;

return await ScaleRun.RunAsync(ScaleOptions.Read(args));
