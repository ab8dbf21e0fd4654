using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using CsCheck;
using FedActors.Core.Identity;

namespace FedActors.Actors.Tests.Wire;

/// <summary>Made-up values of any type that may stand in a message, and whether two of them are the same through and
/// through.</summary>
internal static class Samples
{
    private static readonly MethodInfo Freeze = typeof(Samples)
        .GetMethod(nameof(ToImmutable), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static Gen<object> Of(Type type) => Gen.ULong.Select(seed => Make(type, new Random(unchecked((int)seed))));

    public static bool Same(object? a, object? b)
    {
        if (a is null || b is null)
            return a is null && b is null;
        if (a.GetType() != b.GetType())
            return false;
        if (a is IEnumerable many and not string)
        {
            var (left, right) = (many.Cast<object?>().ToArray(), ((IEnumerable)b).Cast<object?>().ToArray());
            return left.Length == right.Length && left.Zip(right, Same).All(same => same);
        }
        return a.GetType().GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is not null
            && !a.GetType().IsValueType
            ? a.GetType().GetProperties().Where(property => property.CanWrite)
                .All(property => Same(property.GetValue(a), property.GetValue(b)))
            : a.Equals(b);
    }

    private static object Make(Type type, Random random)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Make(underlying, random);
        if (type == typeof(int))
            return random.Next(int.MinValue, int.MaxValue);
        if (type == typeof(long))
            return random.NextInt64(long.MinValue, long.MaxValue);
        if (type == typeof(bool))
            return random.Next(2) == 0;
        if (type == typeof(double))
            return BitConverter.Int64BitsToDouble(random.NextInt64()) is var value && double.IsFinite(value)
                ? value
                : 0.1;
        if (type == typeof(TimeSpan))
            return TimeSpan.FromTicks(random.NextInt64(0, TimeSpan.TicksPerDay * 1000));
        if (type == typeof(DateTimeOffset))
            return new DateTimeOffset(random.NextInt64(0, DateTime.MaxValue.Ticks), TimeSpan.Zero);
        if (type == typeof(string))
            return string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => (char)random.Next(' ', 0x2000)));
        if (type == typeof(HospitalId))
            return new HospitalId($"h{random.Next()}.-_"[..random.Next(1, 6)]);
        if (type == typeof(Digest))
            return new Digest(Bytes(random, Digest.Size));
        if (type == typeof(Signature))
            return random.Next(4) == 0 ? default : new Signature(Bytes(random, Signature.Size));
        if (type == typeof(ByteString))
            return new ByteString(Bytes(random, random.Next(200)));
        if (type.IsEnum)
            return Enum.GetValues(type).GetValue(random.Next(Enum.GetValues(type).Length))!;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>))
        {
            var item = type.GetGenericArguments()[0];
            var items = Enumerable.Range(0, random.Next(4))
                .Select(_ => item == typeof(byte) ? (byte)random.Next(256) : Make(item, random));
            return Freeze.MakeGenericMethod(item).Invoke(null, [items])!;
        }
        if (type.IsAbstract)
        {
            var cases = type.GetNestedTypes().Where(type.IsAssignableFrom).ToArray();
            return MakeRecord(cases[random.Next(cases.Length)], random);
        }
        return MakeRecord(type, random);
    }

    private static object MakeRecord(Type type, Random random)
    {
        var nullability = new NullabilityInfoContext();
        var constructor = type.GetConstructors().MaxBy(constructor => constructor.GetParameters().Length)!;
        var arguments = constructor.GetParameters().Select(parameter =>
            nullability.Create(parameter).ReadState == NullabilityState.Nullable && random.Next(2) == 0
            ? null
            : Make(parameter.ParameterType, random));
        var record = constructor.Invoke([.. arguments]);
        var beside = type.GetProperties()
            .Where(property => property.CanWrite
                && constructor.GetParameters().All(parameter => parameter.Name != property.Name));
        foreach (var property in beside)
            property.SetValue(record, nullability.Create(property).ReadState == NullabilityState.Nullable
                && random.Next(2) == 0 ? null : Make(property.PropertyType, random));
        return record;
    }

    private static ImmutableArray<T> ToImmutable<T>(IEnumerable<object> items) => [.. items.Cast<T>()];

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
