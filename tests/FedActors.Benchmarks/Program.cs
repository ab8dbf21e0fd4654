using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Running;

// Each benchmark is a program of its own, built with all it refers to: two minutes, the default, can be too few for that.
var config = ManualConfig.Create(DefaultConfig.Instance).WithBuildTimeout(TimeSpan.FromMinutes(10));
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
