using Akka.TestKit;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>What Akka.TestKit asserts, told to NUnit.</summary>
internal sealed class NUnitAssertions : ITestKitAssertions
{
    public static NUnitAssertions Instance { get; } = new();

    public void Fail(string format = "", params object[] args) => Assert.Fail(Text(format, args));

    public void AssertTrue(bool condition, string format = "", params object[] args) =>
        Assert.That(condition, Is.True, Text(format, args));

    public void AssertFalse(bool condition, string format = "", params object[] args) =>
        Assert.That(condition, Is.False, Text(format, args));

    public void AssertEqual<T>(T expected, T actual, string format = "", params object[] args) =>
        Assert.That(actual, Is.EqualTo(expected), Text(format, args));

    public void AssertEqual<T>(
        T expected, T actual, Func<T, T, bool> comparer, string format = "", params object[] args) =>
        Assert.That(comparer(expected, actual), Is.True,
            $"Expected {expected}, but was {actual}. {Text(format, args)}");

    public Exception AssertThrows(Action action) => AssertThrows<Exception>(action);

    public TException AssertThrows<TException>(Action action) where TException : Exception =>
        Assert.Catch<TException>(() => action())!;

    public Task<Exception> AssertThrowsAsync(Func<Task> action) => AssertThrowsAsync<Exception>(action);

    public async Task<TException> AssertThrowsAsync<TException>(Func<Task> action) where TException : Exception
    {
        // Assert.CatchAsync blocks until the task ends; awaited here instead, since an actor may need this thread.
        try
        {
            await action();
        }
        catch (TException thrown)
        {
            return thrown;
        }
        throw new AssertionException($"Expected {typeof(TException).Name}, but nothing was thrown.");
    }

    // A text without arguments may hold braces of its own (a printed record does), so it is not a format.
    private static string Text(string format, object[] args) => args.Length == 0 ? format : string.Format(format, args);
}
