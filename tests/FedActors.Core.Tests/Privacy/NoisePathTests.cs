using System.Reflection;
using System.Reflection.Emit;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

/// <summary>Reads the compiled code: what makes noise touches no floating point, and nothing in Core touches
/// System.Random.</summary>
public sealed class NoisePathTests
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private static readonly string[] NoiseTypes =
    [
        "DiscreteGaussian", "GaussianBlock", "SkellamNoise", "DyadicTable", "InversionTable", "RandomWords",
        "CounterSource", "NoiseStream", "FixedPointEnclosure",
    ];

    [Test]
    public void No_floating_point_stands_in_the_path_of_the_noise()
    {
        var checkedMethods = 0;
        foreach (var type in Types().Where(type => NoiseTypes.Contains(Outermost(type).Name)))
        {
            foreach (var field in type.GetFields(Everything))
                Assert.That(IsFloat(field.FieldType), Is.False, $"{type.Name}.{field.Name}");
            foreach (var method in Methods(type))
            {
                var offences = Instructions(method)
                    .Where(i => i.Code.Name!.Contains(".r4") || i.Code.Name!.Contains(".r8")
                        || i.Code.Name == "conv.r.un")
                    .Select(i => i.Code.Name);
                Assert.That(offences, Is.Empty, $"{type.Name}.{method.Name}");
                var values = method.GetParameters().Select(p => p.ParameterType)
                    .Concat(method.GetMethodBody()?.LocalVariables.Select(l => l.LocalType) ?? []);
                Assert.That(values.Where(IsFloat), Is.Empty, $"{type.Name}.{method.Name}");
                checkedMethods++;
            }
        }
        Assert.That(checkedMethods, Is.GreaterThan(20), "the scan found the noise's code");
    }

    [Test]
    public void Nothing_in_core_uses_the_runtimes_pseudorandom_generator_and_noise_uses_no_seeded_one()
    {
        var checkedMembers = 0;
        foreach (var type in Types())
        {
            foreach (var method in Methods(type))
                foreach (var member in Instructions(method).Select(i => i.Member).OfType<MemberInfo>())
                {
                    var owner = member as Type ?? member.DeclaringType;
                    Assert.That(owner, Is.Not.EqualTo(typeof(Random)), $"{type.Name}.{method.Name}");
                    if (type.Namespace == typeof(DiscreteGaussian).Namespace)
                        Assert.That(owner?.Name, Is.Not.EqualTo("SplitMix64"), $"{type.Name}.{method.Name}");
                    checkedMembers++;
                }
        }
        Assert.That(checkedMembers, Is.GreaterThan(1000), "the scan found Core's code");
    }

    [Test]
    public void The_scan_sees_floating_point_where_there_is_some() =>
        Assert.That(
            Instructions(typeof(StatisticsLike).GetMethod(nameof(StatisticsLike.Half))!).Select(i => i.Code.Name),
            Does.Contain("ldc.r8").Or.Contain("conv.r8"));

    private static class StatisticsLike
    {
        public static double Half(int x) => x * 0.5;
    }

    private static Type[] Types() => typeof(DiscreteGaussian).Assembly.GetTypes();

    private static IEnumerable<MethodBase> Methods(Type type) =>
        type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything));

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static bool IsFloat(Type type) =>
        type == typeof(double) || type == typeof(float) || type == typeof(Half) || type == typeof(decimal)
        || (type.HasElementType && IsFloat(type.GetElementType()!))
        || (type.IsGenericType && type.GetGenericArguments().Any(IsFloat));

    private static IEnumerable<(OpCode Code, MemberInfo? Member)> Instructions(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } il)
            yield break;
        for (var at = 0; at < il.Length;)
        {
            short value = il[at++];
            if (value == 0xfe)
                value = (short)(0xfe00 | il[at++]);
            var code = OpCodes[value];
            MemberInfo? member = null;
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType
                or OperandType.InlineTok)
                member = method.Module.ResolveMember(
                    BitConverter.ToInt32(il, at),
                    method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null,
                    method.IsGenericMethod ? method.GetGenericArguments() : null);
            yield return (code, member);
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, at),
                _ => 4,
            };
        }
    }
}
